//! The file that a rename to a path replaces.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Links that are followed at most, as on Linux.
const MAX_LINKS: usize = 40;

/// The file that a path leads to, or would: a file is written beside it and renamed, so symbolic links are followed
/// first, which the rename would replace.
///
/// # Errors
/// The path leads to a device, a pipe or a folder, which the rename would replace, too.
pub fn rename_target(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(found) if found.is_symlink() => {
                let next = fs::read_link(&target)?;
                target = target.parent().map_or(next.clone(), |folder| folder.join(&next));
            }
            Ok(found) if found.is_file() => return Ok(target),
            Ok(_) => return Err(io::Error::other("not a regular file; give the path of a file")),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(target),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many symbolic links; give the path of a file"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_and_what_is_no_file_is_refused() {
        let folder = std::env::temp_dir().join(format!("rename-target-{}", std::process::id()));
        fs::create_dir_all(folder.join("inner")).unwrap();
        let [file, missing, link, chain, own, inner] =
            ["inner/file", "missing", "link", "chain", "own", "inner"].map(|it| folder.join(it));
        fs::write(&file, "x").unwrap();
        symlink("inner/file", &link).unwrap();
        symlink("link", &chain).unwrap();
        symlink("own", &own).unwrap();
        for (path, target) in
            [(&file, &file), (&missing, &missing), (&link, &file), (&chain, &file)]
        {
            assert_eq!(&rename_target(path).unwrap(), target);
        }
        for path in [&own, &inner, &PathBuf::from("/dev/null")] {
            assert!(rename_target(path).is_err(), "{}", path.display());
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
