//! The files that are embedded in the binary: a new one, too, makes it anew.

fn main() {
    println!("cargo::rerun-if-changed=runbooks");
    println!("cargo::rerun-if-changed=adapters");
}
