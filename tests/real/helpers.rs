//! The helpers in C, for what Rust without `unsafe` cannot do. Each says at its top what it is for.

use std::path::{Path, PathBuf};

use crate::ground::run;

/// Builds a program from `helpers/NAME.c` into a folder.
pub(crate) fn program(name: &str, into: &Path) -> PathBuf {
    build(name, &[], into.join(name))
}

/// Builds what LD_PRELOAD puts under a process.
pub(crate) fn shim(name: &str, into: &Path) -> PathBuf {
    build(name, &["-shared", "-fPIC", "-pthread"], into.join(format!("{name}.so")))
}

fn build(name: &str, flags: &[&str], to: PathBuf) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("real/helpers/{name}.c"));
    let mut arguments: Vec<_> = ["-O2", "-Wall", "-Werror"].iter().chain(flags).map(AsRef::as_ref).collect();
    arguments.extend([source.as_os_str(), "-o".as_ref(), to.as_os_str()]);
    run("cc", &arguments);
    to
}
