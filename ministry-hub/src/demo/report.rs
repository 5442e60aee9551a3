//! The last word of a demo: one summary, for people and as one JSON object.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use serde::Serialize;

use super::{
    audit::{Boxes, Hop, Missing, Verdict, latencies},
    country::Country,
    filing::Play,
    scenes::Decision,
    words::{Lang, Voice},
};

/// Missing copies named one by one.
const NAMED_MAX: usize = 20;

/// Everything that is told at the end. Fields are only ever added.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    schema: &'static str,
    ok: bool,
    scenario: String,
    seed: u64,
    network: String,
    stations: usize,
    districts: usize,
    seconds: f64,
    /// From the last filing until everything had arrived.
    drain_seconds: f64,
    /// Documents acknowledged to an officer, and the copies that makes.
    sent: usize,
    copies: usize,
    delivered: usize,
    signed: usize,
    duplicated: usize,
    lost: usize,
    /// Still on the way when the time was up.
    undelivered: usize,
    missing: Vec<Missing>,
    refused: Vec<String>,
    categories: usize,
    latency: Vec<Hop>,
    decision: Decision,
    cuts: u32,
    heals: u32,
    kills: u32,
    revives: u32,
    crashes: u32,
    memory_max_bytes: u64,
}

/// How long things took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) played: Duration,
    pub(crate) drained: Duration,
}

impl Summary {
    pub(crate) fn new(
        play: &Play,
        scenario: &str,
        times: Times,
        verdict: Verdict,
        lost: usize,
        boxes: &Boxes,
        decision: Decision,
    ) -> Self {
        let country: &Country = &play.country;
        let count = |counter: &std::sync::atomic::AtomicU32| counter.load(Ordering::Relaxed);
        let tally = &country.tally;
        let categories: BTreeSet<i32> = play.sent().iter().filter_map(|sent| sent.category).collect();
        let crashes = count(&tally.crashes);
        let mut missing = verdict.missing;
        let undelivered = missing.len() - lost;
        missing.truncate(NAMED_MAX);
        Self {
            schema: "zhuji.demo/1",
            ok: missing.is_empty() && verdict.duplicated == 0 && crashes == 0,
            scenario: scenario.to_owned(),
            seed: play.seed,
            network: country.topology.network.name.clone(),
            stations: country.posts.len(),
            districts: super::filing::districts(country).len(),
            seconds: times.played.as_secs_f64(),
            drain_seconds: times.drained.as_secs_f64(),
            sent: verdict.sent,
            copies: verdict.copies,
            delivered: verdict.delivered,
            signed: verdict.signed,
            duplicated: verdict.duplicated,
            lost,
            undelivered,
            missing,
            refused: play.remarks(),
            categories: categories.len(),
            latency: latencies(boxes, |unit| country.topology.place(unit).map(|place| place.tier)),
            decision,
            cuts: count(&tally.cuts),
            heals: count(&tally.heals),
            kills: count(&tally.kills),
            revives: count(&tally.revives),
            crashes,
            memory_max_bytes: tally.memory_max.load(Ordering::Relaxed),
        }
    }

    /// Whether everything acknowledged arrived exactly once and no station ended by itself.
    pub(crate) fn ok(&self) -> bool {
        self.ok
    }

    /// Says it to people.
    pub(crate) fn say(&self, voice: Voice) {
        let lines = match voice.lang {
            Lang::Zh => self.chinese(),
            Lang::En => self.english(),
        };
        for line in lines.into_iter().chain(self.table(voice.lang)).chain(self.complaints()) {
            voice.say(&line);
        }
    }

    fn chinese(&self) -> Vec<String> {
        let decision = &self.decision;
        vec![
            String::new(),
            format!("演练结束: {} 个站点,{:.0} 秒,种子 {}", self.stations, self.seconds, self.seed),
            format!("  发出 {} 件,应达 {} 份;八类事件演了 {} 类", self.sent, self.copies, self.categories),
            format!(
                "  送达 {}  签收 {}  重复 {}  丢失 {}  未达 {}",
                self.delivered, self.signed, self.duplicated, self.lost, self.undelivered
            ),
            format!(
                "  特提决定 {}: 送达 {}/{} {}  签收 {}/{} {}",
                decision.number,
                decision.delivered,
                decision.addressees,
                took(decision.delivered_ms),
                decision.signed,
                decision.addressees,
                took(decision.signed_ms)
            ),
            format!(
                "  断线 {} 次  恢复 {}  强杀 {}  重启 {}  自行退出 {}",
                self.cuts, self.heals, self.kills, self.revives, self.crashes
            ),
            format!("  收尾用时 {:.1} 秒,全部站点内存峰值 {} MiB", self.drain_seconds, self.memory_max_bytes >> 20),
        ]
    }

    fn english(&self) -> Vec<String> {
        let decision = &self.decision;
        vec![
            String::new(),
            format!("End of exercise: {} stations, {:.0} s, seed {}", self.stations, self.seconds, self.seed),
            format!(
                "  sent {} documents = {} copies; {} of 8 categories played",
                self.sent, self.copies, self.categories
            ),
            format!(
                "  delivered {}  signed {}  duplicated {}  lost {}  undelivered {}",
                self.delivered, self.signed, self.duplicated, self.lost, self.undelivered
            ),
            format!(
                "  FLASH decision {}: delivered {}/{} {}  signed {}/{} {}",
                decision.number,
                decision.delivered,
                decision.addressees,
                took(decision.delivered_ms),
                decision.signed,
                decision.addressees,
                took(decision.signed_ms)
            ),
            format!(
                "  lines cut {}  healed {}  killed {}  restarted {}  ended by themselves {}",
                self.cuts, self.heals, self.kills, self.revives, self.crashes
            ),
            format!(
                "  {:.1} s until all had arrived; peak memory of all stations {} MiB",
                self.drain_seconds,
                self.memory_max_bytes >> 20
            ),
        ]
    }

    /// Latency by hop.
    fn table(&self, lang: Lang) -> Vec<String> {
        if self.latency.is_empty() {
            return Vec::new();
        }
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        let way = lang.pick("时延(含等待)", "latency (waiting included)");
        table.set_header([way, lang.pick("件数", "count"), "P50", "P95", "P99", lang.pick("最大", "max")]);
        for hop in &self.latency {
            let whole = if hop.whole { lang.pick(" 全程", " whole way") } else { "" };
            let ms = |ms: f64| super::words::span((ms * 1e3) as i64);
            table.add_row([
                format!("{}→{}{whole}", tier(hop.from, lang), tier(hop.to, lang)),
                hop.count.to_string(),
                ms(hop.p50_ms),
                ms(hop.p95_ms),
                ms(hop.p99_ms),
                ms(hop.max_ms),
            ]);
        }
        table.lines().map(|line| format!("  {}", line.trim_end())).collect()
    }

    fn complaints(&self) -> Vec<String> {
        let missing = self.missing.iter().map(|one| format!("  ✕ {} {} → {}", one.number, one.from, one.to));
        missing.chain(self.refused.iter().map(|said| format!("  ✕ {said}"))).collect()
    }
}

fn took(ms: Option<u64>) -> String {
    ms.and_then(|ms| i64::try_from(ms * 1000).ok())
        .map_or_else(|| "(–)".to_owned(), |us| format!("({})", super::words::span(us)))
}

fn tier(tier: &str, lang: Lang) -> &str {
    match tier {
        "district" => lang.pick("考区", tier),
        "province" => lang.pick("省", tier),
        _ => lang.pick("部", tier),
    }
}
