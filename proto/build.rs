//! Compiles the `.proto` files in pure Rust: nothing has to be installed.

#![expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]

use std::{env, error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let files =
        ["envelope", "form", "document", "evidence", "link", "station"].map(|name| format!("zhuji/v1/{name}.proto"));
    println!("cargo:rerun-if-changed=zhuji");
    let descriptors = protox::compile(&files, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
