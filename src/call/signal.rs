//! The names of signals, as people look them up.

/// The signals of Linux on x86-64 and ARM by number, from signal(7); `""` is none.
const NAMES: [(&str, &str); 32] = [
    ("", ""),
    ("SIGHUP", "hangup"),
    ("SIGINT", "interrupt"),
    ("SIGQUIT", "quit"),
    ("SIGILL", "illegal instruction"),
    ("SIGTRAP", "trap"),
    ("SIGABRT", "abort"),
    ("SIGBUS", "bus error"),
    ("SIGFPE", "arithmetic error"),
    ("SIGKILL", "kill"),
    ("SIGUSR1", "user signal 1"),
    ("SIGSEGV", "invalid memory access"),
    ("SIGUSR2", "user signal 2"),
    ("SIGPIPE", "nobody reads its output"),
    ("SIGALRM", "alarm"),
    ("SIGTERM", "terminate"),
    ("SIGSTKFLT", "stack fault"),
    ("SIGCHLD", "child ended"),
    ("SIGCONT", "continue"),
    ("SIGSTOP", "stop"),
    ("SIGTSTP", "stop from the terminal"),
    ("SIGTTIN", "terminal input in the background"),
    ("SIGTTOU", "terminal output in the background"),
    ("SIGURG", "urgent data"),
    ("SIGXCPU", "CPU time limit"),
    ("SIGXFSZ", "file size limit"),
    ("SIGVTALRM", "virtual alarm"),
    ("SIGPROF", "profiling timer"),
    ("SIGWINCH", "window size"),
    ("SIGIO", "input or output possible"),
    ("SIGPWR", "power failure"),
    ("SIGSYS", "forbidden system call"),
];

/// `SIGSEGV (invalid memory access)`; a number where it has no name.
pub(super) fn name(signal: i32) -> String {
    match usize::try_from(signal).ok().and_then(|n| NAMES.get(n)) {
        Some((name, meaning)) if !name.is_empty() => format!("{name} ({meaning})"),
        _ => format!("signal {signal}"),
    }
}

/// What to look at first after such a signal.
pub(super) fn hint(signal: i32) -> Option<&'static str> {
    match signal {
        9 => Some("where nobody killed it, look for the out-of-memory killer in the kernel's log"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threat_41_a_signal_is_named() {
        assert_eq!(name(9), "SIGKILL (kill)");
        assert_eq!(name(11), "SIGSEGV (invalid memory access)");
        assert_eq!(name(31), "SIGSYS (forbidden system call)");
        assert_eq!(name(0), "signal 0");
        assert_eq!(name(40), "signal 40");
    }
}
