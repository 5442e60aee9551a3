//! Every station in a network namespace of its own, so that no line exists but the ones we lay. They go when the guard
//! goes, after a panic too.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use node::topology::Unit;
use tests::country::Country;

use crate::ground::run;

/// The namespaces of one country.
pub(crate) struct Namespaces(BTreeMap<Unit, String>);

impl Namespaces {
    /// Puts every station of a country that does not run yet into one.
    pub(crate) fn lay(country: &mut Country) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let mut namespaces = Self(BTreeMap::new());
        let units: Vec<_> = country.topology().places().map(|place| place.unit.clone()).collect();
        for unit in units {
            let name = format!("zhuji-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
            // Noted first: whatever of it exists is removed.
            namespaces.0.insert(unit.clone(), name.clone());
            run("ip", &["netns".as_ref(), "add".as_ref(), name.as_ref()]);
            country.put_into(&unit, &path(&name));
        }
        namespaces
    }

    /// The name of a station's namespace.
    pub(crate) fn of(&self, unit: &Unit) -> &str {
        &self.0[unit]
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in self.0.values() {
            drop(Command::new("ip").args(["netns", "del", name]).output());
        }
    }
}

fn path(name: &str) -> PathBuf {
    Path::new("/run/netns").join(name)
}
