//! The pipeline as services: units of systemd, the image, readiness and health.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::checking::{STAGES, checked, is_option, takes};
use super::client::{Service, dir, repository, run, text, tweetoscope};

#[test]
fn the_unit_is_valid_sandboxed_and_starts_existing_commands() {
    let unit = fs::read_to_string(repository("deploy/systemd/tweetoscope@.service")).unwrap();
    let start =
        unit.lines().find_map(|it| it.strip_prefix("ExecStart=/usr/bin/tweetoscope ")).unwrap();
    for stage in STAGES {
        let args: Vec<_> = start.split(' ').map(|it| if it == "%i" { stage } else { it }).collect();
        assert!(takes(&args), "{args:?}");
        for file in ["common", stage] {
            let env =
                fs::read_to_string(repository(&format!("deploy/systemd/{file}.env"))).unwrap();
            for line in env.lines().filter(|it| !it.starts_with('#')) {
                let variable = line.split('=').next().unwrap();
                assert!(is_option(stage, variable), "{file}.env: {stage} has no {variable}");
            }
        }
    }
    // The file of -F is a credential, and that one comes with the package.
    let credential = unit.lines().find_map(|it| it.strip_prefix("LoadCredential=")).unwrap();
    let (id, source) = credential.split_once(':').unwrap();
    assert!(start.contains(&format!(" -F %d/{id} ")), "{start}");
    let shipped = source.strip_prefix("/etc/tweetoscope/").unwrap();
    assert!(repository("deploy/systemd").join(shipped).exists(), "{shipped}");
    // The unit waits for the message that the program sends, over a socket that it may use.
    let families = unit.lines().find_map(|it| it.strip_prefix("RestrictAddressFamilies=")).unwrap();
    assert!(unit.contains("\nType=notify\n") && families.contains("AF_UNIX"));
    let dir = dir("systemd");
    let path = dir.join("tweetoscope@collect.service");
    fs::write(&path, unit.replace("/usr/bin/tweetoscope", env!("CARGO_BIN_EXE_tweetoscope")))
        .unwrap();
    let checks: [&[&str]; 2] =
        [&["verify", "--man=no"], &["security", "--offline=true", "--threshold=20", "--no-pager"]];
    fs::copy(repository("deploy/systemd/tweetoscope.target"), dir.join("tweetoscope.target"))
        .unwrap();
    for check in checks {
        let Ok(output) = Command::new("systemd-analyze").args(check).arg(&path).output() else {
            break;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{check:?}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_image_contains_only_the_binary_which_is_also_its_health_check() {
    let path = repository("deploy/container/Containerfile");
    checked("hadolint", &[text(&path)]);
    checked("hadolint", &[text(&repository("deploy/container/Tools.containerfile"))]);
    let file = fs::read_to_string(path).unwrap();
    let file = file.replace("\\\n", " ");
    let lines: Vec<_> = file.lines().filter(|it| !it.starts_with('#')).collect();
    let (build, runtime) =
        lines.split_at(lines.iter().position(|it| *it == "FROM scratch AS runtime").unwrap());
    let word = |key: &str| runtime.iter().find_map(|it| it.strip_prefix(key)).unwrap();
    assert_eq!(word("USER "), "65532:65532");
    assert!(!file.contains(":latest"));
    for copied in runtime.iter().filter_map(|it| it.strip_prefix("COPY --from=build ")) {
        let from = copied.split(' ').next().unwrap();
        let made = from.starts_with("/etc/ssl/")
            || build.iter().any(|it| it.contains("release/tweetoscope\" /out/"));
        assert!(made, "{from} is not made");
    }
    // One port: served, exposed, asked.
    let port = word("EXPOSE ");
    assert!(word("ENV ").contains(&format!("TWEETOSCOPE_HTTP=0.0.0.0:{port}")));
    let health = word("HEALTHCHECK ").split_once("CMD ").unwrap().1;
    let health: Vec<String> = serde_json::from_str(health).unwrap();
    assert_eq!(health, ["/tweetoscope", "healthy", &format!("127.0.0.1:{port}")]);
    let rust = file.split("rust:").nth(1).unwrap().split('-').next().unwrap();
    let manifest = fs::read_to_string(repository("Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("rust-version = \"{rust}\"")), "{rust}");
}

#[test]
fn health_can_be_asked_for_by_the_binary() {
    let collect = Service::start(&["collect"]);
    let address = collect.address.to_string();
    let mut healthy = false;
    for _ in 0..100 {
        healthy = run(&["healthy", text(Path::new(&address))], "").status.success();
        if healthy {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(healthy);
    drop(collect);
    assert_eq!(run(&["healthy", &address], "").status.code(), Some(1));
}

/// The protocol of a unit with Type=notify: one message once records are read, one when the input has ended.
#[test]
fn a_service_manager_learns_when_a_stage_is_ready_and_when_it_stops() {
    let dir = dir("notify");
    let path = dir.join("socket");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut child = tweetoscope()
        .arg("collect")
        .env("NOTIFY_SOCKET", &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut buffer = [0; 64];
    // A receive with a timeout is not continued after a signal of another test.
    let count = loop {
        match manager.recv(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            received => break received.unwrap(),
        }
    };
    assert_eq!(&buffer[..count], b"READY=1\n");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    // A socket that is not there is an error, not a unit that never starts.
    let output = tweetoscope().arg("collect").env("NOTIFY_SOCKET", dir.join("x")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("NOTIFY_SOCKET="));
    fs::remove_dir_all(dir).unwrap();
}
