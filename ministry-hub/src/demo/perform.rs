//! The performance: officers sit down, events run, the storm strikes; then everything is mended, let arrive, audited.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use node::io::{Io, Machine};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, Interval, MissedTickBehavior},
};

use super::{
    Options, Scenario,
    audit::{self, Boxes, Verdict},
    control,
    country::Country,
    filing::Play,
    officers,
    report::{Summary, Times},
    rise,
    scenes::{self, Decision},
    stop::Stop,
    storm::Storm,
    trouble::Trouble,
    words::{Lang, clock},
};

/// How long what was begun may take to be acknowledged once the end has come.
const LAST_FILINGS: Duration = Duration::from_secs(20);
/// How long everything may take to arrive; each station adds to that.
const ARRIVE_WITHIN: Duration = Duration::from_secs(60);
const ARRIVE_EACH: Duration = Duration::from_millis(500);
/// How much longer the last signatures may take: they are people's time, not the lines'.
const SIGN_WITHIN: Duration = Duration::from_secs(15);
/// Between two audits while waiting.
const AUDIT_EVERY: Duration = Duration::from_millis(700);
/// Between two looks at the processes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Plays until the end is asked for or the time is up, and gives account.
pub(crate) async fn perform(country: &Arc<Country>, options: &Options, stop: &mut Stop) -> Result<Summary, Trouble> {
    let began = Instant::now();
    let (close, closing) = watch::channel(false);
    let stormy = matches!(options.scenario, Scenario::LinkStorm);
    let play = Play::new(Arc::clone(country), options.voice, options.seed, pace(options, country), closing, stormy);
    let decision = Arc::new(Mutex::new(Decision::default()));
    let (mut staff, mut acts) = (JoinSet::new(), JoinSet::new());
    for (seat, unit) in (0u64..).zip(country.posts.keys()) {
        staff.spawn(officers::sit(Arc::clone(&play), unit.clone(), seat));
    }
    staff.spawn(watch_over(Arc::clone(&play)));
    let reporters: Arc<[_]> = scenes::reporters(&play).into();
    for thread in 0..scenes::at_once(reporters.len()) {
        acts.spawn(scenes::thread(Arc::clone(&play), Arc::clone(&reporters), thread));
    }
    acts.spawn(scenes::ministry(Arc::clone(&play), Arc::clone(&decision)));
    if stormy {
        acts.spawn(rage(Arc::clone(&play)));
    }

    stop.within(options.length).await;
    close.send_replace(true);
    let played = began.elapsed();
    options.voice.say(options.voice.lang.pick(
        "收尾: 接通所有线路,重启所有站点,等待全部送达(再按 Ctrl-C 立即结束)",
        "ending: healing every line, starting every station, waiting until all has arrived (Ctrl-C again: at once)",
    ));
    let ended = Instant::now();
    let (verdict, boxes) = tokio::select! {
        account = wind_up(&play, acts) => account?,
        () = stop.asked() => return Err(Trouble::Interrupted),
    };
    let lost = audit::lost(country, &verdict.missing).await;
    country.look().await;
    drop(staff);
    let decision = decision.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let times = Times { played, drained: ended.elapsed() };
    Ok(Summary::new(&play, options.scenario.name(), times, verdict, lost, &boxes, decision))
}

/// The districts' pace: so many reports a minute.
fn pace(options: &Options, country: &Country) -> Interval {
    let a_minute = options.rate.unwrap_or_else(|| options.scenario.rate(country.posts.len(), options.voice.narrate));
    let mut pace = tokio::time::interval(Duration::from_secs(60) / a_minute.max(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

/// Mends everything, lets the last filings be acknowledged, and waits until all has arrived.
async fn wind_up(play: &Arc<Play>, mut acts: JoinSet<()>) -> Result<(Verdict, Boxes), Trouble> {
    let finish = async { while acts.join_next().await.is_some() {} };
    // The storm ends with the acts, so nothing breaks again after this.
    let (_, mended) = tokio::join!(tokio::time::timeout(LAST_FILINGS, finish), play.country.mend());
    mended?;
    acts.shutdown().await;
    play.country.mend().await?;
    Ok(arrive(play).await)
}

async fn arrive(play: &Play) -> (Verdict, Boxes) {
    let ledger = play.sent();
    let copies: usize = ledger.iter().map(|sent| sent.to.len()).sum();
    let bar = rise::bar(copies, play.voice.lang.pick("等待送达", "waiting for arrivals"), play.voice);
    let stations = u32::try_from(play.country.posts.len()).unwrap_or(u32::MAX);
    let deadline = Instant::now() + ARRIVE_WITHIN + ARRIVE_EACH * stations;
    let mut signed_by = None;
    loop {
        let boxes = audit::gather(&play.country, &ledger).await;
        let verdict = audit::judge(&ledger, &boxes);
        bar.set_position(u64::try_from(verdict.delivered).unwrap_or(0));
        let now = Instant::now();
        let arrived = verdict.missing.is_empty();
        if arrived {
            signed_by.get_or_insert(now + SIGN_WITHIN);
        }
        let patient = signed_by.is_none_or(|until| now < until);
        if now >= deadline || arrived && (verdict.signed == verdict.copies || !patient) {
            bar.finish_and_clear();
            return (verdict, boxes);
        }
        tokio::time::sleep(AUDIT_EVERY).await;
    }
}

/// Sees who ended by themselves, and takes note of memory.
async fn watch_over(play: Arc<Play>) {
    let voice = play.voice;
    loop {
        for (post, how) in play.country.look().await {
            let (at, name) = (clock(Machine.now()), play.name(post.place.unit.as_str()));
            let log = post.log.display();
            voice.say(&match voice.lang {
                Lang::Zh => format!("{at} ✕ {name} 自行退出({how}),日志 {log}。重启: ministry-hub demo revive {name}"),
                Lang::En => {
                    format!("{at} ✕ {name} ended by itself ({how}), log {log}. Start: ministry-hub demo revive {name}")
                }
            });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The storm, until the end.
async fn rage(play: Arc<Play>) {
    let (start, country) = (Instant::now(), &play.country);
    let root = country.topology.root().clone();
    for stroke in Storm::new(play.seed, root, country.posts.keys().cloned().collect()) {
        if !play.pause((start + stroke.at).saturating_duration_since(Instant::now())).await {
            return;
        }
        match country.act(&stroke.unit, stroke.deed).await {
            Ok(true) => control::tell(stroke.deed, &play.name(stroke.unit.as_str()), play.voice),
            // Someone at a second terminal was faster.
            Ok(false) => {}
            Err(why) => play.remark(why.say(play.voice.lang)),
        }
    }
}
