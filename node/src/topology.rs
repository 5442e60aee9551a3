//! The tree of stations: who is whose parent. Data, with variable depth; never derived from a unit's name.
//!
//! Promises: exactly one root, and it is the ministry; every other station has one known parent; no cycles;
//! unit ids are unique. Everything past [`Topology::parse`] may rely on that.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::Deserialize;

/// The registry id of an office, e.g. `420100`: `[a-z0-9-]`, at most 32 bytes. Opaque.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit(Arc<str>);

impl Unit {
    /// Accepts a well-formed unit id.
    pub fn parse(text: &str) -> Result<Self, BadUnit> {
        let ok = !text.is_empty()
            && text.len() <= 32
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if ok { Ok(Self(text.into())) } else { Err(BadUnit { text: text.chars().take(64).collect() }) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Unit {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A text that is not a unit id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a unit id: use a-z, 0-9 and -, at most 32")]
pub struct BadUnit {
    text: String,
}

/// The three tiers of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// 部级
    Ministry,
    /// 省级
    Province,
    /// 考区
    District,
}

impl Tier {
    /// The first segment of a station's SPIFFE path.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Ministry => "hub",
            Self::Province => "relay",
            Self::District => "district",
        }
    }

    /// The tier as the configuration spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ministry => "ministry",
            Self::Province => "province",
            Self::District => "district",
        }
    }
}

/// One office's place in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Registry id.
    pub unit: Unit,
    /// Which tier it speaks for.
    pub tier: Tier,
    /// What people call it, e.g. 湖北.
    pub name: String,
    /// The same for readers of English.
    #[serde(default)]
    pub name_en: String,
    /// Whom it reports to; the ministry has none.
    #[serde(default)]
    pub parent: Option<Unit>,
    /// Where its children dial, `host:port`. A district needs none.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The duty phone: the way that works when no line does.
    #[serde(default)]
    pub phone: Option<String>,
    /// Where browsers find its desk: host names and addresses, besides the machine itself.
    #[serde(default)]
    pub desk: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    network: Network,
    #[serde(rename = "station")]
    stations: Vec<Place>,
}

/// What all stations of one network have in common.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// What people call it.
    pub name: String,
    /// The SPIFFE trust domain; exercises have their own.
    pub trust_domain: String,
}

/// The whole tree.
#[derive(Debug, Clone)]
pub struct Topology {
    /// What all stations have in common.
    pub network: Network,
    root: Unit,
    places: BTreeMap<Unit, Place>,
    children: BTreeMap<Unit, Vec<Unit>>,
}

/// Why a topology file was refused.
#[derive(Debug, thiserror::Error)]
pub enum BadTopology {
    /// Not TOML, or not of this shape.
    #[error("topology: {0}")]
    Shape(#[from] toml::de::Error),
    /// Two stations with one id.
    #[error("topology: unit {0} appears twice")]
    Twice(Unit),
    /// Not exactly one station without a parent.
    #[error("topology: exactly one station has no parent, and it is the ministry; found {0:?}")]
    Roots(Vec<Unit>),
    /// A parent nobody described.
    #[error("topology: {unit} names the parent {parent}, which is not in the file")]
    NoParent {
        /// The child.
        unit: Unit,
        /// The parent it names.
        parent: Unit,
    },
    /// A station that reports to itself in the end.
    #[error("topology: {0} is its own ancestor")]
    Cycle(Unit),
    /// A district with children, or a second ministry.
    #[error("topology: {unit} is a {tier} and cannot report to {parent}", tier = .tier.as_str())]
    Order {
        /// The child.
        unit: Unit,
        /// Its tier.
        tier: Tier,
        /// The parent that cannot be its parent.
        parent: Unit,
    },
}

impl Topology {
    /// Reads a topology file and checks that it is one tree.
    pub fn parse(text: &str) -> Result<Self, BadTopology> {
        let file: File = toml::from_str(text)?;
        Self::new(file.network, file.stations)
    }

    /// Checks that the places form one tree.
    pub fn new(network: Network, stations: Vec<Place>) -> Result<Self, BadTopology> {
        let mut places = BTreeMap::new();
        let mut roots = Vec::new();
        for place in stations {
            if place.parent.is_none() {
                roots.push(place.unit.clone());
            }
            let unit = place.unit.clone();
            if places.insert(unit.clone(), place).is_some() {
                return Err(BadTopology::Twice(unit));
            }
        }
        let root = match roots.as_slice() {
            [one] if places[one].tier == Tier::Ministry => one.clone(),
            _ => return Err(BadTopology::Roots(roots)),
        };
        let mut children: BTreeMap<Unit, Vec<Unit>> = BTreeMap::new();
        for place in places.values() {
            let Some(parent) = &place.parent else { continue };
            let Some(above) = places.get(parent) else {
                return Err(BadTopology::NoParent { unit: place.unit.clone(), parent: parent.clone() });
            };
            if above.tier >= place.tier {
                return Err(BadTopology::Order { unit: place.unit.clone(), tier: place.tier, parent: parent.clone() });
            }
            children.entry(parent.clone()).or_default().push(place.unit.clone());
        }
        // A parent's tier is always strictly above its child's, so no cycle can have passed.
        Ok(Self { network, root, places, children })
    }

    /// The ministry.
    pub fn root(&self) -> &Unit {
        &self.root
    }

    /// One office's place, if it is in the tree.
    pub fn place(&self, unit: &str) -> Option<&Place> {
        Unit::parse(unit).ok().and_then(|unit| self.places.get(&unit))
    }

    /// All places, in order of their ids.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.values()
    }

    /// Whom a unit reports to.
    pub fn parent(&self, unit: &Unit) -> Option<&Unit> {
        self.places.get(unit).and_then(|place| place.parent.as_ref())
    }

    /// Who reports to a unit directly.
    pub fn children(&self, unit: &Unit) -> &[Unit] {
        self.children.get(unit).map_or(&[], Vec::as_slice)
    }

    /// Whether `above` is on the way from `below` to the ministry (a unit is not its own ancestor).
    pub fn is_ancestor(&self, above: &Unit, below: &Unit) -> bool {
        let mut at = below;
        while let Some(parent) = self.parent(at) {
            if parent == above {
                return true;
            }
            at = parent;
        }
        false
    }

    /// The neighbour of `from` on the way to `to`; `None` if that is `from` itself or not in the tree.
    pub fn next_hop(&self, from: &Unit, to: &Unit) -> Option<&Unit> {
        if from == to || !self.places.contains_key(to) {
            return None;
        }
        let mut at = to;
        while let Some((unit, parent)) = self.places.get_key_value(at).and_then(|(u, p)| Some((u, p.parent.as_ref()?)))
        {
            if parent == from {
                return Some(unit);
            }
            at = parent;
        }
        self.parent(from)
    }

    /// Whether a line between the two would pass over an office: one is the ministry, the other reports to somebody else.
    pub fn passes_over(&self, one: &Unit, other: &Unit) -> bool {
        let below = if one == &self.root { other } else { one };
        [one, other].contains(&&self.root) && self.parent(below).is_some_and(|parent| *parent != self.root)
    }

    /// The name people use, in the reader's language.
    pub fn name<'a>(&'a self, unit: &'a str, english: bool) -> &'a str {
        match self.place(unit) {
            Some(place) if english && !place.name_en.is_empty() => &place.name_en,
            Some(place) => &place.name,
            None => unit,
        }
    }

    /// The units an address means, seen from `from`: a unit id or name, `420000/*` (all that report to it),
    /// `provinces`, `districts`, `all`. Only descendants of `from` are ever named.
    pub fn select(&self, from: &Unit, address: &str) -> Result<Vec<Unit>, UnknownAddress> {
        let unknown = || UnknownAddress { address: address.to_owned() };
        let below = |tier: Option<Tier>| -> Vec<Unit> {
            self.places
                .values()
                .filter(|place| tier.is_none_or(|tier| place.tier == tier) && self.is_ancestor(from, &place.unit))
                .map(|place| place.unit.clone())
                .collect()
        };
        let found = match address {
            "all" | "全部" => below(None),
            "provinces" | "各省" => below(Some(Tier::Province)),
            "districts" | "各考区" => below(Some(Tier::District)),
            _ => match address.strip_suffix("/*") {
                Some(above) => self.children(&self.named(above).ok_or_else(unknown)?.unit).to_vec(),
                None => vec![self.named(address).ok_or_else(unknown)?.unit.clone()],
            },
        };
        if found.is_empty() || found.iter().any(|unit| !self.is_ancestor(from, unit)) {
            return Err(unknown());
        }
        Ok(found)
    }

    /// The place with this id or name.
    pub fn named(&self, text: &str) -> Option<&Place> {
        self.place(text).or_else(|| {
            self.places.values().find(|place| place.name == text || place.name_en.eq_ignore_ascii_case(text))
        })
    }
}

/// An address that names nobody below the one who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{address}` names no station below this one")]
pub struct UnknownAddress {
    /// What was written.
    pub address: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Districts below a province, and one that reports to the ministry.
    const TREE: &str = r#"
network = { name = "树", trust_domain = "tree.test" }
station = [
  { unit = "000000", tier = "ministry", name = "部" },
  { unit = "420000", tier = "province", name = "湖北", parent = "000000" },
  { unit = "420100", tier = "district", name = "武汉", parent = "420000" },
  { unit = "810000", tier = "district", name = "香港", parent = "000000" },
]
"#;

    fn unit(text: &str) -> Unit {
        Unit::parse(text).unwrap()
    }

    #[test]
    fn depth_is_variable_and_the_way_up_is_one_step_at_a_time() {
        let tree = Topology::parse(TREE).unwrap();
        let (root, deep, near) = (unit("000000"), unit("420100"), unit("810000"));
        let way: Vec<_> = std::iter::successors(Some(&deep), |at| tree.parent(at)).map(Unit::as_str).collect();
        assert_eq!(way, ["420100", "420000", "000000"]);
        assert_eq!(tree.next_hop(&root, &deep), Some(&unit("420000")));
        assert_eq!((tree.next_hop(&root, &near), tree.next_hop(&near, &root)), (Some(&near), Some(&root)));
        assert!(tree.is_ancestor(&unit("420000"), &deep) && !tree.is_ancestor(&unit("420000"), &near));
        assert!(tree.passes_over(&root, &deep) && tree.passes_over(&deep, &root));
        for (one, other) in [(&root, &near), (&root, &root), (&unit("420000"), &deep), (&near, &deep)] {
            assert!(!tree.passes_over(one, other), "{one} {other}");
        }
    }
}
