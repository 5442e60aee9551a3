//! What people write: configurations, topologies, names.

use std::path::Path;

use node::{
    config::Config,
    identity::SpiffeId,
    post::keys,
    topology::{Topology, Unit},
};

pub(super) fn configs() -> Vec<Vec<u8>> {
    let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/config");
    let files = std::fs::read_dir(deployed).unwrap().map(|entry| entry.unwrap().path());
    files.map(|file| std::fs::read(file).unwrap()).collect()
}

/// It is understood, or the error says something, on one screen.
pub(super) fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(error) = Config::parse(text, Path::new("/etc/zhuji.toml")) {
        says_something(&error.to_string());
    }
}

pub(super) fn topologies() -> Vec<Vec<u8>> {
    vec![crate::country::small().into_bytes()]
}

pub(super) fn topology(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Topology::parse(text) {
        Err(error) => says_something(&error.to_string()),
        Ok(tree) => {
            // A tree: from every station there is a way to the root, and no further.
            for place in tree.places() {
                let ways = std::iter::successors(Some(&place.unit), |unit| tree.parent(unit));
                let steps = ways.take(tree.places().count() + 1).collect::<Vec<_>>();
                assert_eq!(steps.last(), Some(&tree.root()), "{} hangs in the air", place.unit);
            }
        }
    }
}

pub(super) fn names() -> Vec<Vec<u8>> {
    [
        "420100",
        "spiffe://demo.zhuji.internal/district/420100",
        "R-420100-0919-0007",
        "00000000-0000-7000-8000-000000000000",
    ]
    .map(|name| name.as_bytes().to_vec())
    .to_vec()
}

/// What is a name stays the same when it is written down and read again.
pub(super) fn name(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(unit) = Unit::parse(text) {
        assert_eq!(Unit::parse(unit.as_str()).as_ref(), Ok(&unit));
    }
    if let Ok(id) = SpiffeId::parse(text) {
        assert_eq!(SpiffeId::parse(&id.to_string()).unwrap(), id);
    }
    if let Some((series, _)) = keys::series_of(text) {
        assert!(text.starts_with(series));
    }
}

fn says_something(error: &str) {
    assert!(!error.trim().is_empty() && error.lines().count() < 40, "{error}");
}
