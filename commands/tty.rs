//! The terminal of the live views: whether there is one.

/// Whether a view can be shown and left: the terminal has control sequences, and keys can be read from it.
pub(crate) fn has_views() -> bool {
    cfg!(feature = "tui")
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        && std::fs::File::open("/dev/tty").is_ok()
}
