//! The second terminal: `demo cut|heal|kill|revive STATION` and `demo status`, one JSON line each way over a local
//! socket in the demo's directory.

use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::net::UnixStream as Caller,
    path::Path,
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use node::topology::Tier;
use proto::v1::StatusRequest;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

use super::{
    country::{Country, Post},
    ground,
    storm::Deed,
    trouble::Trouble,
    words::{Lang, Voice},
};

/// Bytes of one order.
const ORDER_BYTES_MAX: u64 = 4096;
/// How long a caller may take to say what it wants.
const ORDER_WITHIN: Duration = Duration::from_secs(5);
/// How long the second terminal waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// How long a station may take to say how it is.
const STATUS_WITHIN: Duration = Duration::from_secs(2);

/// What the second terminal asks.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(crate) enum Order {
    Act { deed: Deed, station: String },
    Status,
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "is", rename_all = "lowercase")]
enum Answer {
    Done { unit: String, name: String, name_en: String, changed: bool },
    Status { stations: Vec<Row> },
    Unknown { station: String },
    Failed { why: String },
}

/// One station, as the demo sees it.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Row {
    unit: String,
    name: String,
    name_en: String,
    tier: String,
    up: bool,
    /// How it ended, if it ended by itself.
    ended: String,
    /// Whether the line to the parent is cut; absent for the ministry.
    cut: Option<bool>,
    /// What the station itself says; absent if it does not answer.
    said: Option<Said>,
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Said {
    filed: u64,
    waiting: u64,
    unsigned: u64,
}

/// Answers the second terminal until it is stopped.
pub(crate) async fn serve(listener: UnixListener, country: Arc<Country>, voice: Voice) {
    loop {
        match listener.accept().await {
            // One at a time: orders are rare, and two at once would be hard to tell about.
            Ok((caller, _)) => attend(caller, &country, voice).await,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn attend(caller: UnixStream, country: &Country, voice: Voice) {
    let (read, mut write) = caller.into_split();
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(read.take(ORDER_BYTES_MAX));
    let heard = tokio::time::timeout(ORDER_WITHIN, reader.read_line(&mut line)).await;
    if !matches!(heard, Ok(Ok(length)) if length > 0) {
        return;
    }
    let answer = match serde_json::from_str(&line) {
        Ok(order) => carry_out(order, country, voice).await,
        Err(why) => Answer::Failed { why: why.to_string() },
    };
    if let Ok(mut text) = serde_json::to_string(&answer) {
        text.push('\n');
        // A caller that has gone away did not want to know.
        write.write_all(text.as_bytes()).await.ok();
    }
}

async fn carry_out(order: Order, country: &Country, voice: Voice) -> Answer {
    let (deed, station) = match order {
        Order::Act { deed, station } => (deed, station),
        Order::Status => {
            let stations = join_all(country.top_down().into_iter().map(row)).await;
            return Answer::Status { stations };
        }
    };
    let Some(place) = country.topology.named(&station) else { return Answer::Unknown { station } };
    match country.act(&place.unit, deed).await {
        Ok(changed) => {
            if changed {
                tell(deed, country.topology.name(place.unit.as_str(), voice.lang.english()), voice);
            }
            let (name, name_en) = (place.name.clone(), place.name_en.clone());
            Answer::Done { unit: place.unit.to_string(), name, name_en, changed }
        }
        Err(why) => Answer::Failed { why: why.say(voice.lang) },
    }
}

/// Tells those who watch what was done to a station.
pub(crate) fn tell(deed: Deed, name: &str, voice: Voice) {
    let now = node::io::Io::now(&node::io::Machine);
    voice.say(&format!("{} ▲ {name} {}", super::words::clock(now), deed.words().say(voice.lang)));
}

async fn row(post: &Post) -> Row {
    let place = &post.place;
    let down = post.down().await;
    let asked = tokio::time::timeout(STATUS_WITHIN, post.client.clone().get_status(StatusRequest {})).await;
    let said = asked.ok().and_then(Result::ok).map(|status| {
        let status = status.into_inner();
        let queues = status.links.iter().filter_map(|link| link.queue.as_ref());
        Said {
            filed: status.totals.map_or(0, |totals| totals.filed),
            waiting: queues.map(|queue| queue.ready + queue.in_flight + queue.parked + queue.held).sum(),
            unsigned: status.unsigned,
        }
    });
    Row {
        unit: place.unit.to_string(),
        name: place.name.clone(),
        name_en: place.name_en.clone(),
        tier: place.tier.as_str().to_owned(),
        up: down.is_none(),
        ended: down.unwrap_or_default(),
        cut: post.line.as_ref().map(super::lines::Line::is_cut),
        said,
    }
}

/// The second terminal: asks, and says the answer. The exit code is 1 where the demo could not do it.
pub(crate) fn ask(dir: &Path, order: &Order, json: bool, voice: Voice) -> Result<u8, Trouble> {
    let answer = exchange(dir, order)?;
    if json {
        let text = serde_json::to_string(&answer).unwrap_or_default();
        writeln!(io::stdout(), "{text}").ok();
    } else {
        for line in sentences(order, &answer, voice.lang) {
            voice.say(&line);
        }
    }
    Ok(u8::from(matches!(answer, Answer::Unknown { .. } | Answer::Failed { .. })))
}

fn exchange(dir: &Path, order: &Order) -> Result<Answer, Trouble> {
    let path = ground::control(dir);
    let mut caller = Caller::connect(&path).map_err(|_| Trouble::NoDemo(dir.to_owned()))?;
    let mut talk = || -> io::Result<Answer> {
        caller.set_read_timeout(Some(ANSWER_WITHIN))?;
        writeln!(caller, "{}", serde_json::to_string(order)?)?;
        let mut line = String::new();
        BufReader::new(&caller).read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    };
    talk().map_err(|why| Trouble::Files { path, why })
}

fn sentences(order: &Order, answer: &Answer, lang: Lang) -> Vec<String> {
    match (answer, order) {
        (Answer::Done { name, name_en, changed, .. }, Order::Act { deed, .. }) => {
            done(*deed, shown(name, name_en, lang), *changed, lang)
        }
        (Answer::Status { stations }, _) => table(stations, lang),
        (Answer::Unknown { station }, _) => vec![match lang {
            Lang::Zh => format!("没有叫「{station}」的站点。全部站点: ministry-hub demo status"),
            Lang::En => format!("no station is called `{station}`. All stations: ministry-hub demo status"),
        }],
        (Answer::Failed { why }, _) => vec![why.clone()],
        (Answer::Done { .. }, Order::Status) => Vec::new(),
    }
}

/// What changed, and the next command.
fn done(deed: Deed, name: &str, changed: bool, lang: Lang) -> Vec<String> {
    let what = deed.words().say(lang);
    if !changed {
        return vec![match lang {
            Lang::Zh => format!("{name}: 已是「{what}」的状态,未作改动"),
            Lang::En => format!("{name}: nothing to do ({what} already)"),
        }];
    }
    let next = match deed {
        Deed::Cut => format!("ministry-hub demo heal {name}"),
        Deed::Kill => format!("ministry-hub demo revive {name}"),
        Deed::Heal | Deed::Revive => "ministry-hub demo status".to_owned(),
    };
    vec![format!("✔ {name} {what}"), format!("{} {next}", lang.pick("下一步:", "next:"))]
}

fn shown<'a>(name: &'a str, name_en: &'a str, lang: Lang) -> &'a str {
    if lang.english() && !name_en.is_empty() { name_en } else { name }
}

fn table(stations: &[Row], lang: Lang) -> Vec<String> {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(match lang {
        Lang::Zh => ["站点", "单位", "进程", "上行线路", "填报", "待送", "待签"],
        Lang::En => ["station", "unit", "process", "line up", "filed", "waiting", "unsigned"],
    });
    for row in stations {
        let process = match (row.up, row.ended.is_empty()) {
            (true, _) => lang.pick("● 运行", "● up").to_owned(),
            (false, true) => lang.pick("○ 已强杀", "○ killed").to_owned(),
            (false, false) => format!("○ {}", row.ended),
        };
        let line = row
            .cut
            .map_or("–", |cut| if cut { lang.pick("✕ 已断", "✕ cut") } else { lang.pick("● 通", "● whole") });
        let said =
            |pick: fn(&Said) -> u64| row.said.as_ref().map_or_else(|| "–".to_owned(), |said| pick(said).to_string());
        let indent = match row.tier.as_str() {
            tier if tier == Tier::Ministry.as_str() => "",
            tier if tier == Tier::Province.as_str() => " ",
            _ => "  ",
        };
        table.add_row([
            format!("{indent}{}", shown(&row.name, &row.name_en, lang)),
            row.unit.clone(),
            process,
            line.to_owned(),
            said(|said| said.filed),
            said(|said| said.waiting),
            said(|said| said.unsigned),
        ]);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_one_plain_json_line() {
        let order = Order::Act { deed: Deed::Cut, station: "湖北".into() };
        let line = serde_json::to_string(&order).unwrap();
        assert_eq!(line, r#"{"do":"act","deed":"cut","station":"湖北"}"#);
        assert_eq!(serde_json::from_str::<Order>(&line).unwrap(), order);
        assert_eq!(serde_json::from_str::<Order>(r#"{"do":"status"}"#).unwrap(), Order::Status);
    }

    #[test]
    fn an_answer_names_the_next_command() {
        let order = Order::Act { deed: Deed::Cut, station: "420000".into() };
        let answer =
            |changed| Answer::Done { unit: "420000".into(), name: "湖北".into(), name_en: "Hubei".into(), changed };
        assert!(sentences(&order, &answer(true), Lang::Zh)[1].ends_with("ministry-hub demo heal 湖北"));
        assert!(sentences(&order, &answer(true), Lang::En)[1].ends_with("ministry-hub demo heal Hubei"));
        assert_eq!(sentences(&order, &answer(false), Lang::En).len(), 1);
        let unknown = Answer::Unknown { station: "nowhere".into() };
        assert!(sentences(&order, &unknown, Lang::En)[0].contains("demo status"));
    }

    #[test]
    fn without_a_demo_the_second_terminal_says_how_to_start_one() {
        let dir = tempfile::tempdir().unwrap();
        let refused = exchange(dir.path(), &Order::Status).unwrap_err();
        assert!(matches!(refused, Trouble::NoDemo(_)));
        assert!(refused.say(Lang::Zh).contains("ministry-hub demo"));
    }

    #[test]
    fn a_killed_station_and_a_cut_line_are_shown() {
        let row = |up, cut| Row {
            unit: "420100".into(),
            name: "武汉".into(),
            name_en: "Wuhan".into(),
            tier: "district".into(),
            up,
            ended: String::new(),
            cut: Some(cut),
            said: None,
        };
        let text = table(&[row(false, true), row(true, false)], Lang::En).join("\n");
        assert!(text.contains("○ killed") && text.contains("✕ cut"), "{text}");
        assert!(text.contains("● up") && text.contains("● whole"), "{text}");
    }
}
