//! PURE. One incident as all its reports tell it: 首报→续报→终报 with what is missing in between, who grades it how, and
//! every figure with who gave it and when.
//!
//! Reports overtake each other, so the result is the same in whatever order they are given. Nothing is averaged and
//! nothing is dropped: of the statements about one thing the latest that stands is marked, and the others stay beside
//! it, those of a superseded or cancelled report included.

use std::collections::{BTreeMap, BTreeSet};

use proto::v1::{DocumentView, Grade, Kind, Particular, Standing, document::Content};

/// See above.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Incident {
    /// The reports, in order of position.
    pub reports: Vec<DocumentView>,
    /// Positions that must exist and are not here.
    pub missing: Vec<u32>,
    /// What each office graded it last.
    pub grades: BTreeMap<String, Grade>,
    /// What was said point by point: by item, the earliest first.
    pub statements: Vec<Statement>,
}

/// One point of one report.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What was said.
    pub said: Particular,
    /// In which report.
    pub number: String,
    /// By which office.
    pub office: String,
    /// Whether that report still stands.
    pub stands: bool,
    /// The latest about its item that stands.
    pub latest: bool,
}

/// Folds an incident from its reports; a report given twice counts once.
pub fn fold(documents: &[DocumentView]) -> Incident {
    let mut reports: Vec<DocumentView> = documents.iter().filter(|view| is_report(view)).cloned().collect();
    reports.sort_by_key(order);
    reports.dedup_by_key(|view| view.id.clone());
    let mut incident = Incident { missing: missing(&reports), ..Default::default() };
    for view in &reports {
        incident.add(view);
    }
    incident.statements.sort_by_key(|one| (one.said.item, one.said.as_of_us));
    incident.mark();
    incident.reports = reports;
    incident
}

fn is_report(view: &DocumentView) -> bool {
    // What is not for whoever looks is a report all the same.
    let kinds = [Kind::InitialReport, Kind::FollowUpReport, Kind::FinalReport];
    let withheld = || view.withheld && view.header.as_ref().is_some_and(|header| kinds.contains(&header.kind()));
    matches!(view.document.as_ref().and_then(|document| document.content.as_ref()), Some(Content::Report(_)))
        || withheld()
}

/// Two offices may have written the same position; the id settles it.
fn order(view: &DocumentView) -> (u32, Vec<u8>) {
    (view.header.as_ref().map_or(0, |header| header.position), view.id.to_vec())
}

fn missing(reports: &[DocumentView]) -> Vec<u32> {
    let here: BTreeSet<u32> = reports.iter().filter_map(|view| Some(view.header.as_ref()?.position)).collect();
    let known = reports.iter().flat_map(|view| view.missing_positions.iter().copied());
    let mut missing: BTreeSet<u32> = known.filter(|position| !here.contains(position)).collect();
    missing.extend((1..here.last().copied().unwrap_or(0).min(1000)).filter(|position| !here.contains(position)));
    missing.into_iter().collect()
}

/// Superseded or cancelled, a report is still shown and no longer counts. One that a 终报 closed does.
fn stands(view: &DocumentView) -> bool {
    !matches!(view.standing(), Standing::Superseded | Standing::Cancelled)
}

impl Incident {
    fn add(&mut self, view: &DocumentView) {
        let (Some(header), Some(Content::Report(report))) =
            (&view.header, view.document.as_ref().and_then(|document| document.content.as_ref()))
        else {
            return;
        };
        let stands = stands(view);
        if stands && report.grade() != Grade::Unspecified {
            self.grades.insert(header.origin.clone(), report.grade());
        }
        self.statements.extend(report.particulars.iter().map(|said| Statement {
            said: said.clone(),
            number: header.number.clone(),
            office: header.origin.clone(),
            stands,
            latest: false,
        }));
    }

    /// Of statements as of the same moment the one in the later report is the latest: they come in order of position.
    fn mark(&mut self) {
        let mut marked = BTreeSet::new();
        for one in self.statements.iter_mut().rev().filter(|one| one.stands) {
            one.latest = marked.insert(one.said.item);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proto::v1::{Document, Header, Item, Report, particular::Value};

    use super::*;

    fn report(position: u32, origin: &str, grade: Grade, said: &[(Item, u64, i64)]) -> DocumentView {
        let particulars = said.iter().map(|(item, count, as_of_us)| Particular {
            item: (*item).into(),
            value: Some(Value::Count(*count)),
            as_of_us: *as_of_us,
            source: origin.to_owned(),
        });
        let report = Report { grade: grade.into(), particulars: particulars.collect(), ..Default::default() };
        DocumentView {
            id: vec![u8::try_from(position).unwrap(), origin.as_bytes()[1]].into(),
            header: Some(Header {
                position,
                origin: origin.into(),
                number: format!("R-{origin}-{position}"),
                ..Default::default()
            }),
            document: Some(Document { content: Some(Content::Report(report)) }),
            ..Default::default()
        }
    }

    fn counts(incident: &Incident) -> Vec<(u64, &str, bool, bool)> {
        let count = |one: &Statement| match one.said.value {
            Some(Value::Count(count)) => count,
            _ => panic!("a count"),
        };
        incident.statements.iter().map(|one| (count(one), one.office.as_str(), one.stands, one.latest)).collect()
    }

    #[test]
    fn two_offices_that_count_differently_both_stay_and_the_latest_is_marked() {
        let reports = [
            report(1, "420100", Grade::Iii, &[(Item::Injured, 2, 912)]),
            report(2, "420000", Grade::Ii, &[(Item::Injured, 3, 940)]),
        ];
        let incident = fold(&reports);
        assert_eq!(counts(&incident), [(2, "420100", true, false), (3, "420000", true, true)]);
        assert_eq!(incident.grades["420100"], Grade::Iii, "every tier grades for itself");
        assert_eq!(incident.grades["420000"], Grade::Ii);
    }

    /// 更正 is not 瞒报: the first figure stays to be seen.
    #[test]
    fn row_6_3_in_part_what_was_corrected_stays_beside_its_correction() {
        let wrong = report(2, "420100", Grade::I, &[(Item::Injured, 9, 950)]);
        let wrong = DocumentView { standing: Standing::Superseded.into(), ..wrong };
        let reports = [report(1, "420100", Grade::Iii, &[(Item::Injured, 2, 912)]), wrong];
        let incident = fold(&reports);
        assert_eq!(counts(&incident), [(2, "420100", true, true), (9, "420100", false, false)]);
        assert_eq!(incident.grades["420100"], Grade::Iii);
    }

    #[test]
    fn row_3_6_in_part_what_is_missing_of_the_chain_is_named() {
        let reports = [report(5, "420100", Grade::Iv, &[]), report(2, "420100", Grade::Iv, &[])];
        assert_eq!(fold(&reports).missing, [1, 3, 4]);
        assert_eq!(fold(&[]), Incident::default());
    }

    proptest! {
        #[test]
        fn in_whatever_order_and_however_often_they_come_it_is_the_same_incident(
            made in prop::collection::vec((1u32..9, 0usize..2, 0i32..5, prop::collection::vec((1i32..4, 0u64..9, 1i64..9), 0..4), 0i32..3), 0..9),
            seed in any::<u64>(),
        ) {
            let mut seen = BTreeSet::new();
            let reports: Vec<_> = made.iter().filter(|one| seen.insert((one.0, one.1))).map(|(position, office, grade, said, standing)| {
                let said: Vec<_> = said.iter().map(|(item, n, at)| (Item::try_from(*item).unwrap(), *n, *at)).collect();
                let view = report(*position, ["420100", "430000"][*office], Grade::try_from(*grade).unwrap(), &said);
                DocumentView { standing: *standing, ..view }
            }).collect();
            let expected = fold(&reports);
            let mut shuffled: Vec<_> = reports.iter().chain(&reports).cloned().collect();
            let mut state = seed | 1;
            for end in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                shuffled.swap(end, usize::try_from(state >> 33).unwrap() % (end + 1));
            }
            prop_assert_eq!(fold(&shuffled), expected);
        }
    }
}
