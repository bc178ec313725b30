//! Arguments in, exit code out.

fn main() -> std::process::ExitCode {
    runbook::cli::main()
}
