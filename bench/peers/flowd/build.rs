// SPDX-License-Identifier: MIT
//
// The version of flowd that Cargo.lock pins, for the report.
fn main() {
    println!("cargo:rerun-if-changed=Cargo.lock");
    let lock = std::fs::read_to_string("Cargo.lock").unwrap();
    let flowd = lock.split("[[package]]").find(|p| p.contains("name = \"flowd\"")).unwrap();
    let version = flowd.split("version = \"").nth(1).unwrap().split('"').next().unwrap();
    println!("cargo:rustc-env=FLOWD_VERSION={version}");
}
