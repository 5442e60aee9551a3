//! As much of the tree of stations as issuing needs: which offices there are, and on which tier.
//!
//! Parents and endpoints are the stations' business and are not looked at: they read the file again, whole.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    error::{Error, Result},
    name::{StationId, Tier, check_trust_domain},
};

/// One office's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    /// Which tier it speaks for.
    pub tier: Tier,
    /// Its name in certificates.
    pub id: StationId,
    /// What people call it.
    pub name: String,
    /// The same for readers of English; may be empty.
    pub name_en: String,
    /// Where browsers find its desk: host names and addresses, besides the machine itself.
    pub desk: Vec<String>,
}

/// A topology file: its stations in the order they stand there, and its text, which goes into every bundle verbatim.
#[derive(Debug, Clone)]
pub struct Topology {
    /// What people call the network.
    pub name: String,
    /// Its trust domain.
    pub trust_domain: String,
    /// Every office.
    pub stations: Vec<Station>,
    /// The file as it was.
    pub text: String,
    file: PathBuf,
}

#[derive(Deserialize)]
struct File {
    network: Network,
    #[serde(default, rename = "station")]
    stations: Vec<Entry>,
}

#[derive(Deserialize)]
struct Network {
    name: String,
    trust_domain: String,
}

#[derive(Deserialize)]
struct Entry {
    unit: String,
    tier: Tier,
    #[serde(default)]
    name: String,
    #[serde(default)]
    name_en: String,
    #[serde(default)]
    desk: Vec<String>,
}

impl Topology {
    /// Reads a topology file.
    pub fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).map_err(|source| Error::Unread { file: file.to_owned(), source })?;
        Self::parse(text, file)
    }

    /// Takes the text of a topology; `file` is what errors will call it.
    pub fn parse(text: String, file: &Path) -> Result<Self> {
        let file = file.to_owned();
        let read: File = match toml::from_str(&text) {
            Ok(read) => read,
            Err(source) => return Err(Error::TopologyShape { file, source: Box::new(source) }),
        };
        if read.stations.is_empty() {
            return Err(Error::TopologyEmpty { file });
        }
        let Network { name, trust_domain } = read.network;
        check_trust_domain(&trust_domain)?;
        let mut seen = BTreeSet::new();
        let mut stations = Vec::with_capacity(read.stations.len());
        for Entry { unit, tier, name, name_en, desk } in read.stations {
            stations.push(Station { tier, id: StationId::new(&trust_domain, tier, &unit)?, name, name_en, desk });
            if !seen.insert(unit.clone()) {
                return Err(Error::TopologyTwice { file, unit });
            }
        }
        Ok(Self { name, trust_domain, stations, text, file })
    }

    /// Refuses an authority of another network: an exercise must never mint certificates for the real one.
    pub fn expect_trust_domain(&self, expected: &str) -> Result<()> {
        if self.trust_domain == expected {
            return Ok(());
        }
        let (file, found) = (self.file.clone(), self.trust_domain.clone());
        Err(Error::OtherNetwork { file, found, expected: expected.to_owned() })
    }

    /// Refuses a station the tree has no place for.
    pub fn expect_station(&self, tier: Tier, unit: &str) -> Result<&Station> {
        let id = StationId::new(&self.trust_domain, tier, unit)?;
        let found = self.stations.iter().find(|station| station.id == id);
        found.ok_or_else(|| Error::NoPlace { file: self.file.clone(), id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[network]\nname = \"演练\"\ntrust_domain = \"drill.test\"\n";

    fn parse(stations: &str) -> Result<Topology> {
        Topology::parse(format!("{HEAD}{stations}"), Path::new("t.toml"))
    }

    #[test]
    fn fields_that_do_not_matter_here_are_passed_over() {
        let tree = parse("[[station]]\nunit = \"moj\"\ntier = \"ministry\"\nendpoint = \"a:1\"\n").unwrap();
        assert_eq!(tree.stations[0].id.to_string(), "spiffe://drill.test/hub/moj");
        tree.expect_trust_domain("drill.test").unwrap();
        tree.expect_station(Tier::Ministry, "moj").unwrap();
        assert!(matches!(tree.expect_station(Tier::District, "moj"), Err(Error::NoPlace { .. })));
        assert!(matches!(tree.expect_trust_domain("real.test"), Err(Error::OtherNetwork { .. })));
    }

    #[test]
    fn what_cannot_be_issued_for_is_refused() {
        let station = "[[station]]\nunit = \"a\"\ntier = \"district\"\n";
        assert!(matches!(parse(""), Err(Error::TopologyEmpty { .. })));
        assert!(matches!(parse(&station.repeat(2)), Err(Error::TopologyTwice { .. })));
        assert!(matches!(parse(&station.replace("\"a\"", "\"../a\"")), Err(Error::BadUnit { .. })));
        assert!(matches!(parse(&station.replace("district", "county")), Err(Error::TopologyShape { .. })));
    }

    #[test]
    fn the_exam_of_2014_has_its_stations() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/topology/national-2014.toml");
        let tree = Topology::read(&file).unwrap();
        assert_eq!(tree.stations.len(), 289);
        let of = |tier| tree.stations.iter().filter(|station| station.tier == tier).count();
        assert_eq!([Tier::Ministry, Tier::Province, Tier::District].map(of), [1, 33, 255]);
        let districts = |province: &str| {
            let of = |s: &&Station| s.tier == Tier::District && s.id.unit().starts_with(province);
            tree.stations.iter().filter(of).count()
        };
        assert_eq!((districts("51"), districts("35")), (18, 9), "Sichuan, Fujian");
    }
}
