//! What the documents say is what the binary does.

use std::path::Path;
use std::process::Command;

fn printed(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_faden")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

#[test]
fn the_page_of_components_is_current() {
    let page = std::fs::read_to_string(root().join("docs/guide/components.md")).unwrap();
    let remedy = "renew it: cargo run --release -- components --markdown > docs/guide/components.md";
    assert!(page == printed(&["components", "--markdown"]), "{remedy}");
}

#[test]
fn the_configuration_of_the_image_is_good() {
    printed(&["validate", "--config", root().join("deploy/docker.yaml").to_str().unwrap()]);
}
