//! The program `stackgen`. All it does is in the library, where tests reach it.

fn main() -> std::process::ExitCode {
    stackgen::commands::main()
}
