//! What is played: the districts' incidents and the ministry's orders, at the pace asked for.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use node::{
    io::{Io, Machine},
    topology::{Tier, Unit},
};
use proto::v1::{
    Bypass, Cancel, Directive, Filed, GetRequest, Kind, Precedence, Report, Request, Stage, Standing, StatusRequest,
    document::Content,
};
use serde::Serialize;

use super::{
    dice::Dice,
    filing::{Draft, Play, districts, numbered},
    follow::rung,
    incidents::{self, Aim, DECISION, Fate, INCIDENTS, Incident, ORDERS, Order, Step},
    people,
    words::{category, grade},
};

/// Up to so many districts all report; of more, a tenth.
const ALL_REPORT: usize = 32;
/// Incidents going on at once.
const AT_ONCE: (usize, usize) = (8, 32);
/// How long a district waits for an answer before it goes on as it must.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks at something awaited.
const LOOK: Duration = Duration::from_millis(300);
/// Before the ministry's decision, and between its orders; each station adds some.
const OPENING: Duration = Duration::from_secs(3);
const ORDER_EVERY: Duration = Duration::from_secs(8);
const ORDER_EACH: Duration = Duration::from_millis(100);
/// After all orders have been given once.
const ORDER_AGAIN: Duration = Duration::from_secs(60);
/// Before an order that is withdrawn is.
const SECOND_THOUGHTS: Duration = Duration::from_secs(2);
/// Streams of the dice.
const DECK: u64 = 0xdec_0000;
const REPORTERS: u64 = 0xdec_0001;
const MINISTRY: u64 = 0xdec_0002;
const SCENE: u64 = 0x5ce_0000;

/// How the decision fared.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Decision {
    pub(crate) number: String,
    pub(crate) addressees: usize,
    /// How many receipts of 送达 have come back, and when all had.
    pub(crate) delivered: usize,
    pub(crate) delivered_ms: Option<u64>,
    /// The same for 签收.
    pub(crate) signed: usize,
    pub(crate) signed_ms: Option<u64>,
}

/// Which districts report: all, or a random tenth of a large country.
pub(crate) fn reporters(play: &Play) -> Vec<Unit> {
    let mut units = districts(&play.country);
    Dice::new(play.seed, REPORTERS).shuffle(&mut units);
    if units.len() > ALL_REPORT {
        units.truncate(units.len().div_ceil(10));
    }
    units
}

/// How many incidents go on at once.
pub(crate) fn at_once(reporters: usize) -> usize {
    reporters.clamp(AT_ONCE.0, AT_ONCE.1)
}

/// One thread of events: incident after incident until the end. Threads begin at different places of one deck, so
/// that all categories come up at once.
pub(crate) async fn thread(play: Arc<Play>, reporters: Arc<[Unit]>, thread: usize) {
    let mut deck: Vec<&Incident> = INCIDENTS.iter().collect();
    Dice::new(play.seed, DECK).shuffle(&mut deck);
    let mut dice = Dice::new(play.seed, SCENE + u64::try_from(thread).unwrap_or(0));
    for turn in thread.. {
        let (Some(incident), Some(unit)) = (deck.get(turn % deck.len()), reporters.get(dice.below(reporters.len())))
        else {
            return;
        };
        incident_at(&play, unit, incident, &mut dice).await;
        if play.is_closing() {
            return;
        }
    }
}

async fn incident_at(play: &Arc<Play>, unit: &Unit, incident: &Incident, dice: &mut Dice) {
    let began = Machine.now() - dice.between(Duration::from_secs(120), Duration::from_secs(540));
    let mut first: Option<Filed> = None;
    for step in incident.steps {
        play.pace.lock().await.tick().await;
        if play.is_closing() {
            return;
        }
        let serial = play.serial();
        let mut draft = written(play, unit, incident, step, serial, began.us());
        if let Some(first) = &first {
            draft = draft.of(&first.number);
        }
        let Some(filed) = play.file(unit, draft).await else { return };
        if matches!(step, Step::Ask { .. }) {
            answered(play, unit, &filed.number).await;
        }
        // What follows goes along by itself.
        if play.stormy && first.is_none() {
            past_the_province(play, unit, &filed, incident.precedence).await;
        }
        first.get_or_insert(filed);
    }
}

/// 越级: an officer whose line to the province is down does not wait for it.
async fn past_the_province(play: &Arc<Play>, unit: &Unit, first: &Filed, precedence: Precedence) {
    let Some(post) = play.country.posts.get(unit) else { return };
    let Ok(status) = post.client.clone().get_status(StatusRequest {}).await else { return };
    let get = GetRequest { document: first.number.clone(), ..Default::default() };
    let Ok(view) = post.client.clone().get(get).await else { return };
    // A direct line that is still there from before has carried it already.
    let arrived = view.into_inner().recipients.iter().any(|one| rung(one.reached()) >= rung(Stage::Delivered));
    let cut_off = status.into_inner().links.iter().any(|link| link.parent && !link.up) && !arrived;
    let root = play.country.topology.root().clone();
    if !cut_off || !play.country.topology.passes_over(&root, unit) {
        return;
    }
    let serial = play.serial();
    let reason = numbered(incidents::CUT_OFF.say(play.voice.lang), serial);
    let officer = people::on_duty(unit, play.voice.lang);
    let content = Content::Bypass(Bypass { reason, officer, ..Default::default() });
    let draft = Draft::new(serial, Kind::Bypass, precedence, String::new(), content).to(vec![root]).of(&first.number);
    play.file(unit, draft).await;
}

/// What the district writes.
fn written(play: &Play, unit: &Unit, incident: &Incident, step: &Step, serial: u32, began_us: i64) -> Draft {
    let lang = play.voice.lang;
    let officer = people::on_duty(unit, lang);
    let title = format!(
        "{} {} {}",
        grade(incident.grade).say(lang),
        category(incident.category).say(lang),
        incident.title.say(lang)
    );
    let (kind, content) = match step {
        Step::First(text) | Step::FollowUp(text) | Step::Final(text) => {
            let kind = match step {
                Step::First(_) => Kind::InitialReport,
                Step::FollowUp(_) => Kind::FollowUpReport,
                _ => Kind::FinalReport,
            };
            let report = Report {
                occurred_at_us: began_us,
                place: format!("{} {}", play.name(unit.as_str()), incident.site.say(lang)),
                category: incident.category as i32,
                text: numbered(text.say(lang), serial),
                reporter: officer,
                grade: incident.grade as i32,
                ..Default::default()
            };
            (kind, Content::Report(report))
        }
        Step::Ask { ask, recommendation, .. } => {
            let request = Request {
                ask: numbered(ask.say(lang), serial),
                recommendation: recommendation.say(lang).to_owned(),
                needed_by_us: 0,
                officer,
                ..Default::default()
            };
            (Kind::RequestForInstructions, Content::Request(request))
        }
    };
    let root = play.country.topology.root().clone();
    Draft::new(serial, kind, incident.precedence, title, content).to(vec![root])
}

/// Waits until a 请示 is answered, the district can wait no longer, or the end has come.
async fn answered(play: &Play, unit: &Unit, number: &str) {
    let Some(post) = play.country.posts.get(unit) else { return };
    let closed = async {
        while play.pause(LOOK).await {
            let view = post.client.clone().get(GetRequest { document: number.to_owned(), ..Default::default() }).await;
            if view.is_ok_and(|view| view.into_inner().standing() == Standing::Closed) {
                return;
            }
        }
    };
    // No answer in time is an answer the next report goes on without.
    tokio::time::timeout(ANSWER_WITHIN, closed).await.ok();
}

/// The ministry: one decision to every district, then order after order.
pub(crate) async fn ministry(play: Arc<Play>, fate: Arc<Mutex<Decision>>) {
    let mut dice = Dice::new(play.seed, MINISTRY);
    if !play.pause(OPENING).await {
        return;
    }
    if let Some((filed, to)) = issue(&play, &DECISION, &mut dice).await {
        let watcher = Arc::clone(&play);
        tokio::spawn(async move { decided(&watcher, &filed, to, &fate).await });
    }
    let stations = u32::try_from(play.country.posts.len()).unwrap_or(u32::MAX);
    let mut gap = ORDER_EVERY + ORDER_EACH * stations;
    loop {
        for order in ORDERS {
            if !play.pause(gap).await {
                return;
            }
            let Some((filed, _)) = issue(&play, order, &mut dice).await else { continue };
            if order.fate == Fate::Cancelled && play.pause(SECOND_THOUGHTS).await {
                withdraw(&play, order, &filed).await;
            }
        }
        gap = gap.max(ORDER_AGAIN);
    }
}

async fn issue(play: &Arc<Play>, order: &Order, dice: &mut Dice) -> Option<(Filed, usize)> {
    let (lang, root) = (play.voice.lang, play.country.topology.root().clone());
    let action = address(play, order.to, dice);
    let info = if order.inform_all { vec!["all".to_owned()] } else { Vec::new() };
    let select = |address: &String| play.country.topology.select(&root, address).unwrap_or_default();
    let acting: Vec<Unit> = select(&action);
    let mut to: Vec<Unit> = acting.iter().cloned().chain(info.iter().flat_map(select)).collect();
    to.sort_unstable();
    to.dedup();
    if to.is_empty() {
        return None;
    }
    let serial = play.serial();
    if order.fate == Fate::OneCannot {
        let unlucky = acting[dice.below(acting.len())].clone();
        play.declined.lock().unwrap_or_else(PoisonError::into_inner).push((serial, unlucky));
    }
    let directive = Directive {
        title: order.title.say(lang).to_owned(),
        text: numbered(order.text.say(lang), serial),
        officer: people::on_duty(&root, lang),
        require: order.require as i32,
        ..Directive::default()
    };
    let title = format!("{} → {action} ({})", order.title.say(lang), to.len());
    let count = to.len();
    let content = Content::Directive(directive);
    let mut draft = Draft::new(serial, Kind::Directive, order.precedence, title, content).to(to);
    draft.request.action_to = vec![action];
    draft.request.info_to = info;
    Some((play.file(&root, draft).await?, count))
}

/// The address an order goes to; in a country without provinces, everyone.
fn address(play: &Play, aim: Aim, dice: &mut Dice) -> String {
    let topology = &play.country.topology;
    let with_districts = |unit: &Unit| !topology.children(unit).is_empty();
    let provinces: Vec<&Unit> = topology
        .places()
        .filter(|place| place.tier == Tier::Province && with_districts(&place.unit))
        .map(|place| &place.unit)
        .collect();
    match (aim, provinces.get(dice.below(provinces.len()))) {
        (Aim::Districts, _) => "districts".to_owned(),
        (Aim::OneProvince, Some(province)) => province.to_string(),
        (Aim::DistrictsOfOneProvince, Some(province)) => format!("{province}/*"),
        _ => "all".to_owned(),
    }
}

async fn withdraw(play: &Arc<Play>, order: &Order, filed: &Filed) {
    let (lang, root) = (play.voice.lang, play.country.topology.root().clone());
    let sent = play.sent();
    let to = sent.iter().find(|sent| sent.number == filed.number).map(|sent| sent.to.clone()).unwrap_or_default();
    let serial = play.serial();
    let cancel = Cancel {
        target: filed.id.clone(),
        reason: numbered(incidents::WITHDRAWN.say(lang), serial),
        officer: people::on_duty(&root, lang),
    };
    let title = format!("{} {}", filed.number, order.title.say(lang));
    let draft = Draft::new(serial, Kind::Cancel, order.precedence, title, Content::Cancel(cancel)).to(to);
    play.file(&root, draft.about(&filed.number)).await;
}

/// Watches the decision's receipts come back to the ministry.
async fn decided(play: &Play, filed: &Filed, addressees: usize, fate: &Mutex<Decision>) {
    let Some(post) = play.country.posts.get(play.country.topology.root()) else { return };
    let mut seen = Decision { number: filed.number.clone(), addressees, ..Default::default() };
    loop {
        if let Ok(view) =
            post.client.clone().get(GetRequest { document: filed.number.clone(), ..Default::default() }).await
        {
            let recipients = view.into_inner().recipients;
            let at_least = |least| recipients.iter().filter(|one| rung(one.reached()) >= rung(least)).count();
            seen.delivered = at_least(Stage::Delivered);
            seen.signed = at_least(Stage::Signed);
            let after = Machine.now().ms().saturating_sub(u64::try_from(filed.filed_at_us / 1000).unwrap_or(0));
            if seen.delivered == addressees {
                seen.delivered_ms.get_or_insert(after);
            }
            if seen.signed == addressees {
                seen.signed_ms.get_or_insert(after);
            }
        }
        fate.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&seen);
        if seen.signed_ms.is_some() {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_country_plays_all_categories_at_once() {
        assert!(at_once(4) >= INCIDENTS.len());
        assert_eq!(at_once(26), 26);
        assert_eq!(at_once(255), 32);
    }
}
