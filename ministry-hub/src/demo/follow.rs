//! Telling a document's way aloud, from what its own station sees: each rung of the ladder as it is reached.

use std::{collections::BTreeSet, time::Duration};

use node::{io::Timestamp, topology::Unit};
use proto::v1::{DocumentView, GetRequest, RecipientView, Stage, StageView, Standing, document::Content};

use super::{
    filing::Play,
    words::{Lang, clock, span, stage},
};

/// Up to so many recipients are told one by one; more are counted.
const ONE_BY_ONE: usize = 8;
/// Before a station that hung up is asked again.
const AGAIN: Duration = Duration::from_millis(700);

/// Tells a document's way until it has come to its end.
pub(crate) async fn aloud(play: &Play, unit: &Unit, number: &str) {
    let Some(post) = play.country.posts.get(unit) else { return };
    let mut teller = Teller { play, number, told: BTreeSet::new(), counts: (0, 0) };
    loop {
        let watched = post.client.clone().watch(GetRequest { document: number.to_owned(), ..Default::default() }).await;
        if let Ok(mut views) = watched.map(tonic::Response::into_inner) {
            while let Ok(Some(view)) = views.message().await {
                for line in teller.news(&view) {
                    play.voice.tell(&line);
                }
                if at_its_end(&view) {
                    return;
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether nothing more is to be told.
fn at_its_end(view: &DocumentView) -> bool {
    let done = view.recipients.iter().all(|recipient| finished(recipient, wanted(view)));
    view.standing() == Standing::Cancelled || !view.recipients.is_empty() && done
}

/// The rung a document is asked to reach.
fn wanted(view: &DocumentView) -> Stage {
    match view.document.as_ref().and_then(|document| document.content.as_ref()) {
        Some(Content::Directive(directive)) => directive.require().max(Stage::Signed),
        _ => Stage::Signed,
    }
}

fn finished(recipient: &RecipientView, wanted: Stage) -> bool {
    let ended = [Stage::CannotComply, Stage::NotDelivered, Stage::Expired].contains(&recipient.reached());
    let stages = recipient.stages.iter().filter(|stage| stage.station == recipient.unit);
    ended || recipient.reached() >= wanted && stages.map(StageView::stage).any(|reached| reached >= wanted)
}

struct Teller<'a> {
    play: &'a Play,
    number: &'a str,
    told: BTreeSet<(i32, String, String)>,
    counts: (usize, usize),
}

impl Teller<'_> {
    /// What this view says that has not been told.
    fn news(&mut self, view: &DocumentView) -> Vec<String> {
        if view.recipients.len() > ONE_BY_ONE {
            return self.totals(view).into_iter().collect();
        }
        let filed = view.header.as_ref().and_then(|header| header.created.as_ref()).map_or(0, |clock| clock.wall_us);
        let mut fresh: Vec<(&RecipientView, &StageView)> = Vec::new();
        for recipient in &view.recipients {
            for reached in &recipient.stages {
                if self.told.insert((reached.stage, reached.station.clone(), reached.officer.clone())) {
                    fresh.push((recipient, reached));
                }
            }
        }
        fresh.sort_by_key(|(_, reached)| reached.at_us);
        fresh.into_iter().map(|(recipient, reached)| self.line(recipient, reached, filed, wanted(view))).collect()
    }

    fn line(&self, recipient: &RecipientView, reached: &StageView, filed: i64, wanted: Stage) -> String {
        let last = reached.station == recipient.unit && reached.stage() >= wanted;
        let (at, glyph) = (clock(Timestamp::from_us(reached.at_us)), if last { '└' } else { '├' });
        let what = stage(reached.stage()).say(self.play.voice.lang);
        let after = span(reached.at_us - filed);
        let mut line = format!("{at} {glyph} {} {} {what}", self.number, self.play.name(&reached.station));
        for said in [&reached.officer, &reached.note].into_iter().filter(|said| !said.is_empty()) {
            line.push(' ');
            line.push_str(said);
        }
        format!("{line} (+{after})")
    }

    fn totals(&mut self, view: &DocumentView) -> Option<String> {
        let all = view.recipients.len();
        let reached = |least: Stage| view.recipients.iter().filter(|one| rung(one.reached()) >= rung(least)).count();
        let counts = (reached(Stage::Delivered), reached(Stage::Signed));
        // A country's worth of single steps is noise: tell every tenth part, and the end.
        let step = all.div_ceil(10);
        if counts.0 / step == self.counts.0 / step && counts.1 / step == self.counts.1 / step && counts != (all, all) {
            return None;
        }
        if counts == self.counts {
            return None;
        }
        self.counts = counts;
        Some(match self.play.voice.lang {
            Lang::Zh => format!("         ├ {} 送达 {}/{all} 签收 {}/{all}", self.number, counts.0, counts.1),
            Lang::En => format!("         ├ {} delivered {}/{all}, signed {}/{all}", self.number, counts.0, counts.1),
        })
    }
}

/// How high a rung is: a refusal by a person is above a signature, a failure to deliver is below delivery.
pub(crate) fn rung(stage: Stage) -> u8 {
    match stage {
        Stage::Unspecified | Stage::NotDelivered | Stage::Expired | Stage::Delayed => 0,
        Stage::Custody => 1,
        Stage::Delivered => 2,
        Stage::Signed => 3,
        Stage::Read => 4,
        Stage::Undertaken => 5,
        Stage::Completed | Stage::CannotComply => 6,
    }
}

#[cfg(test)]
mod tests {
    use proto::v1::{Directive, Document};

    use super::*;

    fn recipient(unit: &str, reached: &[(Stage, &str)]) -> RecipientView {
        let stages: Vec<StageView> = reached
            .iter()
            .map(|(stage, station)| StageView {
                stage: *stage as i32,
                station: (*station).to_owned(),
                ..Default::default()
            })
            .collect();
        let reached = reached.last().map_or(0, |(stage, _)| *stage as i32);
        RecipientView { unit: unit.to_owned(), reached, stages, ..Default::default() }
    }

    #[test]
    fn a_province_signing_on_the_way_is_not_the_end() {
        let mut view = DocumentView {
            recipients: vec![recipient("000000", &[(Stage::Custody, "420000"), (Stage::Signed, "420000")])],
            ..Default::default()
        };
        assert!(!at_its_end(&view));
        view.recipients = vec![recipient("000000", &[(Stage::Signed, "420000"), (Stage::Signed, "000000")])];
        assert!(at_its_end(&view));
    }

    #[test]
    fn a_directive_ends_when_everyone_did_or_cannot() {
        let directive = Directive { require: Stage::Completed as i32, ..Default::default() };
        let mut view = DocumentView {
            document: Some(Document { content: Some(Content::Directive(directive)) }),
            recipients: vec![
                recipient("420100", &[(Stage::Signed, "420100"), (Stage::Completed, "420100")]),
                recipient("420500", &[(Stage::Undertaken, "420500")]),
            ],
            ..Default::default()
        };
        assert!(!at_its_end(&view));
        view.recipients[1] = recipient("420500", &[(Stage::CannotComply, "420500")]);
        assert!(at_its_end(&view));
    }

    #[test]
    fn rungs_rise_with_what_people_did() {
        assert!(rung(Stage::Delivered) < rung(Stage::Signed) && rung(Stage::Signed) < rung(Stage::CannotComply));
        assert!(rung(Stage::NotDelivered) < rung(Stage::Delivered));
    }
}
