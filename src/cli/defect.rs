//! What is said when this program fails by a defect of its own.
//!
//! A panic's message may hold anything that was at hand, a secret too. So nothing of it is shown
//! but what was written down in the source, and where that is. There is no backtrace: its reader
//! is in the middle of an incident.

use std::io::{IsTerminal, Write};
use std::panic::PanicHookInfo;

/// Says where a panic was, for as long as the program runs.
pub fn say_so() {
    std::panic::set_hook(Box::new(|info| {
        let mut err = std::io::stderr().lock();
        // The live view may stand where the cursor is.
        let clear = if err.is_terminal() { "\r\x1b[J" } else { "" };
        let _ = writeln!(err, "{clear}{}", message(info));
    }));
}

fn message(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map_or_else(
        || "at an unknown place".to_owned(),
        |at| format!("at {}:{}", at.file(), at.line()),
    );
    let text = info.payload().downcast_ref::<&'static str>();
    let text = text.map_or_else(String::new, |text| format!(": {text}"));
    format!(
        "error: defect in runbook {}, {place}{text}\n  → please report this line; it holds \
         nothing of your run",
        env!("CARGO_PKG_VERSION")
    )
}
