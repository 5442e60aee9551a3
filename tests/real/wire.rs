//! The lines between namespaces (`helpers/wire.c`): slow, lossy, one-way, down, or a black hole for what is long; at any
//! moment something else.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use node::topology::Unit;
use tests::country::Country;

use crate::{helpers, netns::Namespaces};

/// The lines of a country, each named by its lower end.
pub(crate) struct Wires(BTreeMap<Unit, Wire>);

struct Wire {
    process: Child,
    order: PathBuf,
}

impl Wires {
    /// Lays a line above every station of a country that does not run yet, and has the stations use it.
    pub(crate) fn lay(country: &Country, namespaces: &Namespaces, tools: &Path, seed: u64) -> Self {
        let program = helpers::program("wire", tools);
        let mut wires = Self(BTreeMap::new());
        for (n, place) in (1u64..).zip(country.topology().places()) {
            if !country.topology().children(&place.unit).is_empty() {
                let address = country.address(&place.unit);
                let everywhere = format!("address = \"0.0.0.0:{}\"", address.port());
                country.configure(&place.unit, &format!("address = \"{address}\""), &everywhere);
            }
            let Some(parent) = &place.parent else { continue };
            let (lower, upper) = (format!("10.77.{n}.2"), format!("10.77.{n}.1"));
            let endpoint = format!("{upper}:{}", country.address(parent).port());
            country.configure(&place.unit, &country.line(&place.unit).to_string(), &endpoint);
            let order = country.path(&place.unit, "wire");
            fs::write(&order, "").unwrap();
            let mut process = Command::new(&program)
                .args([namespaces.of(&place.unit), &format!("{lower}/{upper}")])
                .args([namespaces.of(parent), &format!("{upper}/{lower}")])
                .arg(&order)
                .arg((seed ^ n).to_string())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut said = String::new();
            BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
            wires.0.insert(place.unit.clone(), Wire { process, order });
            assert_eq!(said, "ready\n", "the line above {} was not laid: root and /dev/net/tun are needed", place.unit);
        }
        wires
    }

    /// What the line above a station is like from now on; an empty order makes it perfect.
    pub(crate) fn order(&self, unit: &Unit, order: &str) {
        let path = &self.0[unit].order;
        let beside = path.with_extension("new");
        fs::write(&beside, order).unwrap();
        fs::rename(beside, path).unwrap();
    }

    /// The same for every line.
    pub(crate) fn order_all(&self, order: &str) {
        self.0.keys().for_each(|unit| self.order(unit, order));
    }

    /// The stations that have a line above them.
    pub(crate) fn lower_ends(&self) -> Vec<Unit> {
        self.0.keys().cloned().collect()
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        for wire in self.0.values_mut() {
            drop(wire.process.kill());
            drop(wire.process.wait());
        }
    }
}
