//! A bug is told in one sentence, not in a stack trace.

/// Replaces the standard message of a panic.
pub fn install() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
        let payload = info.payload();
        let what = payload
            .downcast_ref::<&str>()
            .map(|text| text.to_string())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "unknown cause".into());
        crate::console::tell(&format!(
            "error: this is a bug in eyas {}, not a mistake of yours: {}{}\n\
             help: please report it with this message, the command and, if you may, the data",
            env!("CARGO_PKG_VERSION"),
            what.replace('\n', " "),
            place.unwrap_or_default(),
        ));
    }));
}
