//! What offices are called in the reader's language, where they stand, and their duty phones, as the station's own
//! topology has it.

use std::collections::BTreeMap;

use proto::v1::{UnitView, UnitsResponse};

use super::{visible, words::Lang};

/// Offices by unit id. One nobody named is shown by its id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    me: String,
    english: bool,
    units: BTreeMap<String, UnitView>,
}

impl Names {
    /// All offices of the network.
    pub(crate) fn of(response: UnitsResponse, lang: Lang) -> Self {
        let units = response.units.into_iter().map(|view| (view.unit.clone(), view)).collect();
        Self { me: response.me, english: lang == Lang::En, units }
    }

    /// What a unit is called.
    pub(crate) fn get(&self, unit: &str) -> String {
        let name = match self.units.get(unit) {
            Some(view) if self.english && !view.name_en.is_empty() => &view.name_en,
            Some(view) if !view.name.is_empty() => &view.name,
            _ => unit,
        };
        visible::line(name)
    }

    /// Its duty phone, if the topology has one.
    pub(crate) fn phone(&self, unit: &str) -> String {
        self.units.get(unit).map_or_else(String::new, |view| visible::line(&view.phone))
    }

    /// The id of a neighbour somebody called by a name or its id.
    pub(crate) fn neighbour(&self, text: &str) -> Option<&str> {
        let mine = self.units.get(&self.me).map_or("", |view| view.parent.as_str());
        let called = |view: &UnitView| {
            view.unit == text || view.name == text || (!text.is_empty() && view.name_en.eq_ignore_ascii_case(text))
        };
        let neighbour = |view: &&UnitView| (view.unit == mine || view.parent == self.me) && called(view);
        self.units.values().find(neighbour).map(|view| view.unit.as_str())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The ministry, two provinces and their districts, seen from one of them.
    pub(in crate::cli) fn small(me: &str, lang: Lang) -> Names {
        let unit = |unit: &str, name: &str, name_en: &str, tier: &str, parent: &str| UnitView {
            unit: unit.into(),
            name: name.into(),
            name_en: name_en.into(),
            tier: tier.into(),
            parent: parent.into(),
            phone: if unit == "422800" { "0718-8100000".into() } else { String::new() },
        };
        let units = vec![
            unit("000000", "部级", "Ministry", "ministry", ""),
            unit("420000", "湖北", "Hubei", "province", "000000"),
            unit("420100", "武汉", "Wuhan", "district", "420000"),
            unit("420500", "宜昌", "Yichang", "district", "420000"),
            unit("422800", "恩施", "", "district", "420000"),
            unit("350000", "福建", "Fujian", "province", "000000"),
            unit("650000", "新疆", "Xinjiang", "province", "000000"),
        ];
        Names::of(UnitsResponse { me: me.into(), units }, lang)
    }

    #[test]
    fn an_office_is_called_by_the_name_its_reader_knows() {
        let (zh, en) = (small("420000", Lang::Zh), small("420000", Lang::En));
        assert_eq!((zh.get("420100"), en.get("420100")), ("武汉".to_owned(), "Wuhan".to_owned()));
        assert_eq!(en.get("422800"), "恩施", "without an English name the Chinese one says more than a number");
        assert_eq!(zh.get("999999"), "999999");
        assert_eq!(zh.phone("422800"), "0718-8100000");
    }

    #[test]
    fn only_those_with_a_line_of_their_own_are_neighbours() {
        let hubei = small("420000", Lang::Zh);
        assert_eq!(hubei.neighbour("部级"), Some("000000"));
        assert_eq!(hubei.neighbour("wuhan"), Some("420100"));
        assert_eq!(hubei.neighbour("350000"), None);
        assert_eq!(hubei.neighbour("420000"), None);
        assert_eq!(small("000000", Lang::Zh).neighbour(""), None);
    }
}
