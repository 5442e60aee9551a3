//! A disk and a clock that fail on order while a station runs (`helpers/faults.c`).

use std::{
    fs,
    path::{Path, PathBuf},
};

use node::topology::Unit;
use tests::country::Country;

use crate::helpers;

/// The shim, built.
pub(crate) struct Faults {
    shim: PathBuf,
}

impl Faults {
    /// Builds it into a folder.
    pub(crate) fn build(into: &Path) -> Self {
        Self { shim: helpers::shim("faults", into) }
    }

    /// From its next start on, the disk and the clock of a station obey.
    pub(crate) fn put_under(&self, country: &mut Country, unit: &Unit) {
        country.set_environment(unit, "LD_PRELOAD", &self.shim);
        for (name, file) in [("FAULTS_ROOT", "data"), ("FAULTS_DISK", "disk-fault"), ("FAULTS_CLOCK", "clock-fault")] {
            let path = country.path(unit, file);
            country.set_environment(unit, name, &path);
        }
    }
}

/// What is wrong with a station's disk from now on; nothing, if this is empty.
pub(crate) fn order_disk(country: &Country, unit: &Unit, fault: &str) {
    write_whole(&country.path(unit, "disk-fault"), fault);
}

/// By how many seconds a station's wall clock is wrong from now on.
pub(crate) fn order_clock(country: &Country, unit: &Unit, seconds: i64) {
    write_whole(&country.path(unit, "clock-fault"), &seconds.to_string());
}

/// Whoever reads meanwhile sees the old order or the new one.
fn write_whole(path: &Path, order: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, order).unwrap();
    fs::rename(beside, path).unwrap();
}
