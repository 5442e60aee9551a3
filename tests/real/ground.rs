//! Every station's store on a file system of its own, in a file, that can lose its power.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use node::topology::Unit;
use tests::country::Country;

/// The disks of a country. They go when it goes.
pub(crate) struct Ground {
    disks: BTreeMap<Unit, Disk>,
}

/// One disk: where its bytes are, and where it is mounted.
struct Disk {
    image: PathBuf,
    at: PathBuf,
}

impl Ground {
    /// Makes a disk of this size for every station of a country that does not run yet.
    pub(crate) fn lay(country: &Country, bytes: u64) -> Self {
        Self::made_with(country, bytes, &[])
    }

    /// The same with so many files at the most on each.
    pub(crate) fn with_few_files(country: &Country, bytes: u64, files: u32) -> Self {
        Self::made_with(country, bytes, &["-N", &files.to_string()])
    }

    fn made_with(country: &Country, bytes: u64, options: &[&str]) -> Self {
        let mut ground = Self { disks: BTreeMap::new() };
        for place in country.topology().places() {
            let (image, at) = (country.path(&place.unit, "disk"), country.path(&place.unit, "data"));
            fs::File::create(&image).unwrap().set_len(bytes).unwrap();
            fs::create_dir_all(&at).unwrap();
            let mut arguments: Vec<&OsStr> = ["-q"].iter().chain(options).map(AsRef::as_ref).collect();
            arguments.push(image.as_os_str());
            run("mkfs.ext4", &arguments);
            let disk = Disk { image, at };
            disk.mount();
            ground.disks.insert(place.unit.clone(), disk);
        }
        ground
    }

    /// Where a station's disk is mounted.
    pub(crate) fn at(&self, unit: &Unit) -> &Path {
        &self.disks[unit].at
    }

    /// What a file system does to itself when it meets an error: from now on it can only be read.
    pub(crate) fn abort(&self, unit: &Unit) {
        run("mount", &["-o".as_ref(), "remount,abort".as_ref(), self.disks[unit].at.as_os_str()]);
    }

    /// Takes a disk that nobody uses any more out and puts it in again, as a restart of the machine does.
    pub(crate) fn remount(&self, unit: &Unit) {
        let disk = &self.disks[unit];
        run("umount", &[disk.at.as_os_str()]);
        disk.mount();
    }
}

impl Disk {
    fn mount(&self) {
        run("mount", &["-o".as_ref(), "loop".as_ref(), self.image.as_os_str(), self.at.as_os_str()]);
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for disk in self.disks.values() {
            // Lazily: after a failed trial a station may still have files open there.
            drop(Command::new("umount").arg("-l").arg(&disk.at).status());
        }
    }
}

/// Runs a program that must succeed.
pub(crate) fn run(program: &str, arguments: &[&OsStr]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run ({error}): is it installed?"));
    assert!(
        output.status.success(),
        "{program} {arguments:?} failed; root and loop devices are needed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
