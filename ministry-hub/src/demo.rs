//! `ministry-hub demo`: the product's main job in one command. Real stations as real processes over real mutual TLS on
//! this machine, officers at their desks, lines that can be cut and stations that can be killed; at the end an audit.
//!
//! Promises: everything is an exercise; what happens is told from what the stations say, never invented; every
//! document acknowledged to an officer is looked for at each addressee, and the exit code says whether each was there
//! exactly once; processes and files go when the demo goes.

mod audit;
mod control;
mod country;
mod desks;
mod dice;
mod filing;
mod follow;
mod ground;
mod incidents;
mod lines;
mod officers;
mod people;
mod perform;
mod phones;
mod report;
mod rise;
mod scenario;
mod scenes;
mod station;
mod stop;
mod storm;
mod trouble;
mod words;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use node::{
    io::{Io, Machine},
    topology::{Tier, Topology},
};
use serde::Serialize;
use tokio::net::UnixListener;

use self::{
    country::Country,
    ground::{Ground, Programs},
    report::Summary,
    scenario::Script,
    stop::Stop,
    storm::Deed,
    trouble::Trouble,
    words::{Lang, Voice},
};

/// The country the demo plays in unless told otherwise.
const DEMO_TOPOLOGY: &str = include_str!("../../deploy/topology/demo.toml");
/// How long a headless demo lasts unless told otherwise.
const HEADLESS_FOR: Duration = Duration::from_secs(60);
/// The exit code where nobody is there to be asked.
const NOT_REACHABLE: u8 = 3;
/// The exit code after a second Ctrl-C.
const INTERRUPTED: u8 = 130;

/// The verb and its flags.
pub fn command() -> Command {
    let station = || Arg::new("station").value_name("STATION").required(true).help("名称或单位代码 · name or unit");
    let verb = |name: &'static str, help: &'static str| Command::new(name).about(help);
    Command::new("demo")
        .about("在本机演练整个三级网络 · play the whole network on this machine")
        .args(flags())
        .subcommand(verb("cut", "断开到上级的线路 · cut the line to the parent").arg(station()))
        .subcommand(verb("heal", "恢复线路 · heal the line").arg(station()))
        .subcommand(verb("kill", "强杀进程 · kill -9 the process").arg(station()))
        .subcommand(verb("revive", "重新启动 · start it again").arg(station()))
        .subcommand(verb("status", "各站点与线路 · stations and lines"))
}

fn flags() -> Vec<Arg> {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    vec![
        option("topology", "FILE", "组织树文件(默认内置) · the tree of stations (default: built in)")
            .value_parser(value_parser!(PathBuf)),
        option("dir", "DIR", "证书、数据、日志所在 · where certificates, data and logs go")
            .value_parser(value_parser!(PathBuf))
            .default_value("/tmp/zhuji-demo")
            .global(true),
        option("for", "TIME", "演练时长,如 60s 5m · how long, e.g. 60s 5m").value_parser(duration),
        option("seed", "N", "随机种子 · seed of every choice").value_parser(value_parser!(u64)),
        option(
            "scenario",
            "NAME",
            "tour、link-storm(随机断线、强杀)、一个演练脚本的名称或文件,或 all · tour, link-storm (random cuts and kills), \
             the name or file of a script, or all",
        )
        .default_value("tour"),
        option("rate", "N", "每分钟报告数 · reports a minute").value_parser(value_parser!(u32).range(1..=600_000)),
        flag("keep", "结束后保留目录 · keep the directory"),
        flag("headless", "不逐条播报,到时自行结束 · tell no single steps, end by itself"),
        flag("json", "结果以 JSON 输出 · the result as JSON").global(true),
    ]
}

/// `90s`, `5m`, `2h`, `5分钟`; a bare number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "" | "s" | "秒" => Some(1),
        "m" | "分" | "分钟" => Some(60),
        "h" | "时" | "小时" => Some(3600),
        _ => None,
    };
    let total = number.parse::<u64>().ok().zip(seconds).and_then(|(number, unit)| number.checked_mul(unit));
    total.map(Duration::from_secs).ok_or_else(|| "60s, 5m, 2h, 5分钟".to_owned())
}

#[derive(Debug, Clone)]
enum Scenario {
    Tour,
    LinkStorm,
    /// Step by step, by what people type.
    Scripts(Vec<Script>),
}

impl Scenario {
    fn find(name: &str) -> Result<Self, Trouble> {
        Ok(match name {
            "tour" => Self::Tour,
            "link-storm" => Self::LinkStorm,
            script => Self::Scripts(Script::find(script)?),
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Tour => "tour",
            Self::LinkStorm => "link-storm",
            Self::Scripts(_) => "script",
        }
    }

    /// Reports a minute: few enough to read along where someone watches.
    fn rate(&self, stations: usize, watched: bool) -> u32 {
        let size = u32::try_from(stations).unwrap_or(u32::MAX).min(300);
        match (self, watched) {
            (Self::Tour | Self::Scripts(_), true) => 20,
            (Self::Tour | Self::Scripts(_), false) => 60 + size,
            (Self::LinkStorm, _) => 120 + size,
        }
    }
}

/// What was asked for.
#[derive(Debug)]
struct Options {
    voice: Voice,
    topology: Option<PathBuf>,
    dir: PathBuf,
    keep: bool,
    json: bool,
    length: Option<Duration>,
    seed: u64,
    scenario: Scenario,
    rate: Option<u32>,
}

impl Options {
    fn read(matches: &ArgMatches) -> Result<Self, Trouble> {
        let headless = matches.get_flag("headless");
        let json = matches.get_flag("json");
        let given = matches.get_one::<Duration>("for").copied();
        let scenario = matches.get_one::<String>("scenario").map_or("tour", String::as_str);
        Ok(Self {
            voice: Voice { lang: lang(matches), aside: json, narrate: !headless },
            topology: matches.get_one::<PathBuf>("topology").cloned(),
            dir: dir(matches),
            keep: matches.get_flag("keep"),
            json,
            length: given.or_else(|| headless.then_some(HEADLESS_FOR)),
            seed: matches.get_one::<u64>("seed").copied().unwrap_or_else(random_seed),
            scenario: Scenario::find(scenario)?,
            rate: matches.get_one::<u32>("rate").copied(),
        })
    }
}

/// The reader's language, from the flag all verbs share (whatever type it is read as); Chinese where nothing is said.
fn lang(matches: &ArgMatches) -> Lang {
    let said = matches.try_get_raw("lang").ok().flatten().and_then(|mut values| values.next());
    if said.is_some_and(|lang| lang == "en") { Lang::En } else { Lang::Zh }
}

fn dir(matches: &ArgMatches) -> PathBuf {
    matches.get_one::<PathBuf>("dir").cloned().unwrap_or_else(|| "/tmp/zhuji-demo".into())
}

/// Short enough to be typed again.
fn random_seed() -> u64 {
    let mut bytes = [0; 4];
    Machine.random(&mut bytes);
    u64::from(u32::from_le_bytes(bytes))
}

/// Runs the demo, or asks one that is running.
pub fn run(matches: &ArgMatches) -> ExitCode {
    let voice = Voice { lang: lang(matches), aside: false, narrate: false };
    let done = match matches.subcommand() {
        Some((verb, order)) => {
            let order_for = |deed| control::Order::Act {
                deed,
                station: order.get_one::<String>("station").cloned().unwrap_or_default(),
            };
            let order_is = match verb {
                "cut" => order_for(Deed::Cut),
                "heal" => order_for(Deed::Heal),
                "kill" => order_for(Deed::Kill),
                "revive" => order_for(Deed::Revive),
                _ => control::Order::Status,
            };
            control::ask(&dir(order), &order_is, order.get_flag("json"), voice)
        }
        None => Options::read(matches).and_then(|options| play(&options)),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(trouble) => {
            writeln!(io::stderr(), "{}: {}", voice.lang.pick("错误", "error"), trouble.say(voice.lang)).ok();
            ExitCode::from(match trouble {
                Trouble::NoDemo(_) => NOT_REACHABLE,
                Trouble::Interrupted => INTERRUPTED,
                _ => 1,
            })
        }
    }
}

/// A demo from its beginning to its end. The code is 1 where not everything arrived exactly once.
fn play(options: &Options) -> Result<u8, Trouble> {
    let programs = Programs::beside_me()?;
    let (topology, text) = topology(options.topology.as_deref())?;
    let ground = Ground::claim(&options.dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Trouble::Files { path: options.dir.clone(), why })?;
    let outcome = runtime.block_on(live(options, &programs, &ground, topology, &text));
    // Whatever still runs holds a station's process, and goes with it.
    drop(runtime);
    let clean = outcome.as_ref().is_ok_and(Account::ok) || matches!(outcome, Err(Trouble::Interrupted));
    if clean && !options.keep {
        ground.clear()?;
    } else {
        options.voice.say(&match options.voice.lang {
            Lang::Zh => format!("证书、数据与日志保留在 {}", ground.dir().display()),
            Lang::En => format!("certificates, data and logs are kept in {}", ground.dir().display()),
        });
    }
    outcome.map(|account| u8::from(!account.ok()))
}

/// What came of it.
#[derive(Serialize)]
#[serde(untagged)]
enum Account {
    Performed(Box<Summary>),
    Played(scenario::Played),
}

impl Account {
    fn ok(&self) -> bool {
        match self {
            Self::Performed(summary) => summary.ok(),
            Self::Played(played) => played.ok(),
        }
    }

    fn say(&self, voice: Voice) {
        match self {
            Self::Performed(summary) => summary.say(voice),
            Self::Played(played) => played.say(voice),
        }
    }
}

fn topology(file: Option<&Path>) -> Result<(Topology, String), Trouble> {
    let (path, text) = match file {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|why| Trouble::Files { path: path.to_owned(), why })?;
            (path.to_owned(), text)
        }
        None => ("deploy/topology/demo.toml".into(), DEMO_TOPOLOGY.to_owned()),
    };
    let topology = Topology::parse(&text).map_err(|why| Trouble::Topology { path, why })?;
    Ok((topology, text))
}

async fn live(
    options: &Options,
    programs: &Programs,
    ground: &Ground,
    topology: Topology,
    text: &str,
) -> Result<Account, Trouble> {
    let files = |why| Trouble::Files { path: ground.dir().to_owned(), why };
    let mut stop = Stop::listen().map_err(files)?;
    let listener = UnixListener::bind(ground::control(ground.dir())).map_err(files)?;
    greet(options, ground, &topology);
    let country = tokio::select! {
        country = found(options, programs, ground, topology, text) => country?,
        () = stop.asked() => return Err(Trouble::Interrupted),
    };
    let risen = tokio::select! {
        risen = rise::rise(&country, options.voice) => risen,
        () = stop.asked() => Err(Trouble::Interrupted),
    };
    let furnished = match risen {
        Ok(()) => desks::furnish(&country, options.voice.lang).await,
        Err(trouble) => Err(trouble),
    };
    let outcome = match furnished {
        Ok(()) => {
            let control = tokio::spawn(control::serve(listener, Arc::clone(&country), options.voice));
            invite(options, &country);
            let phones = tokio::spawn(phones::listen(Arc::clone(&country), options.voice));
            let outcome = match &options.scenario {
                Scenario::Scripts(scripts) => tokio::select! {
                    played = scenario::play(&country, scripts, options.voice) => played.map(Account::Played),
                    () = stop.asked() => Err(Trouble::Interrupted),
                },
                _ => perform::perform(&country, options, &mut stop)
                    .await
                    .map(|summary| Account::Performed(Box::new(summary))),
            };
            control.abort();
            phones.abort();
            outcome
        }
        Err(trouble) => Err(trouble),
    };
    country.end().await;
    let account = outcome?;
    account.say(options.voice);
    if options.json {
        writeln!(io::stdout(), "{}", serde_json::to_string(&account).unwrap_or_default()).ok();
    }
    Ok(account)
}

/// Certificates, lines and configurations.
async fn found(
    options: &Options,
    programs: &Programs,
    ground: &Ground,
    topology: Topology,
    text: &str,
) -> Result<Arc<Country>, Trouble> {
    options.voice.tell(options.voice.lang.pick("  正在签发证书…", "  making certificates …"));
    programs.certify(ground, &topology, text).await?;
    Ok(Arc::new(Country::plan(topology, programs, ground).await?))
}

fn greet(options: &Options, ground: &Ground, topology: &Topology) {
    let (dir, seed) = (ground.dir().display(), options.seed);
    let count = |tier| topology.places().filter(|place| place.tier == tier).count();
    let (provinces, districts) = (count(Tier::Province), count(Tier::District));
    options.voice.say(&match options.voice.lang {
        Lang::Zh => format!("演练环境(全部在本机,证书与数据在 {dir},退出即清除;--keep 保留)"),
        Lang::En => format!(
            "Exercise environment (everything on this machine; certificates and data in {dir}, removed on exit; \
             --keep keeps them)"
        ),
    });
    options.voice.say(&match options.voice.lang {
        Lang::Zh => format!("  部级 1,省级 {provinces},考区 {districts};种子 {seed}"),
        Lang::En => format!("  1 ministry, {provinces} provinces, {districts} districts; seed {seed}"),
    });
}

/// What a person at a second terminal may try.
fn invite(options: &Options, country: &Country) {
    let (voice, english) = (options.voice, options.voice.lang.english());
    let name = country.top_down().get(1).map(|post| post.place.unit.as_str());
    let name = name.map_or("", |unit| country.topology.name(unit, english));
    let at = if options.dir == Path::new("/tmp/zhuji-demo") {
        String::new()
    } else {
        format!(" --dir {}", options.dir.display())
    };
    let rows = [
        (format!("cut {name}"), "断开一条线路,看报文在哪里等", "cut a line and see where reports wait"),
        (format!("heal {name}"), "恢复", "heal it"),
        (format!("kill {name}"), "强杀一个站点;revive 重新启动", "kill a station; revive starts it again"),
        ("status".to_owned(), "各站点与线路", "stations and lines"),
    ];
    voice.tell(voice.lang.pick("\n在另一个终端试一试:", "\nTry in a second terminal:"));
    for (verb, zh, en) in rows {
        voice.tell(&format!("  ministry-hub demo {verb}{at}    {}", voice.lang.pick(zh, en)));
    }
    if let Some(metrics) = country.metrics {
        voice.tell(&format!(
            "  http://{metrics}/metrics    {}",
            voice.lang.pick("部级节点的指标", "the ministry's metrics")
        ));
    }
    desks::show(country, voice);
    voice.tell(voice.lang.pick("按 Ctrl-C 结束\n", "Ctrl-C ends it\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_well_formed_and_the_defaults_are_the_promised_ones() {
        command().debug_assert();
        let options = Options::read(&command().try_get_matches_from(["demo"]).unwrap()).unwrap();
        assert_eq!(
            (options.dir.to_str(), options.length, options.scenario.name()),
            (Some("/tmp/zhuji-demo"), None, "tour")
        );
        assert!(options.voice.narrate && !options.voice.aside && options.voice.lang == Lang::Zh);
    }

    #[test]
    fn a_headless_demo_ends_by_itself_and_keeps_stdout_for_data() {
        let line = ["demo", "--headless", "--json", "--seed", "7", "--scenario", "link-storm"];
        let options = Options::read(&command().try_get_matches_from(line).unwrap()).unwrap();
        assert_eq!((options.length, options.seed, options.scenario.name()), (Some(HEADLESS_FOR), 7, "link-storm"));
        assert!(options.voice.aside && !options.voice.narrate);
    }

    #[test]
    fn the_language_comes_from_the_flag_all_verbs_share() {
        let hub = Command::new("ministry-hub").arg(Arg::new("lang").long("lang").global(true)).subcommand(command());
        let matches = hub.try_get_matches_from(["ministry-hub", "--lang", "en", "demo", "cut", "Hubei"]).unwrap();
        let demo = matches.subcommand_matches("demo").unwrap();
        assert_eq!(lang(demo), Lang::En);
        assert_eq!(dir(demo.subcommand_matches("cut").unwrap()), Path::new("/tmp/zhuji-demo"));
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [("60s", 60), ("5m", 300), ("2h", 7200), ("5分钟", 300), ("90", 90)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
        }
        assert!(duration("soon").is_err() && duration("").is_err() && duration("5d").is_err());
    }

    #[test]
    fn the_built_in_country_is_the_promised_one() {
        let (topology, _) = topology(None).unwrap();
        let count = |tier| topology.places().filter(|place| place.tier == tier).count();
        assert_eq!((count(Tier::Ministry), count(Tier::Province), count(Tier::District)), (1, 2, 4));
        assert_eq!(topology.named("Wuhan").unwrap().unit.as_str(), "420100");
        assert_eq!(topology.network.trust_domain, "demo.zhuji.internal");
    }
}
