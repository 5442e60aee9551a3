use super::*;
use crate::topology::Topology;

const WHOLE: &str = r#"
[station]
unit = "420100"
tier = "district"
data = "/var/lib/zhuji/district"
[identity]
directory = "identity"
[parent]
endpoints = ["relay-a.example:7443", "[fd00::1]:7443"]
[local]
socket = "/run/zhuji/district.sock"
[store]
segment = "32MiB"
retention = "3天"
[link]
heartbeat = "5s"
[telemetry]
metrics = "127.0.0.1:9464"
otlp = "http://127.0.0.1:4317"
log = "info,node::link=debug"
log_format = "json"
"#;

const SHORT: &str =
    "[station]\nunit = \"420100\"\ndata = \"d\"\n[identity]\ndirectory = \"i\"\n[local]\nsocket = \"s\"\n";

const TREE: &str = r#"
[network]
name = "test"
trust_domain = "test.zhuji"
[[station]]
unit = "000000"
tier = "ministry"
name = "部"
endpoint = "hub.example:7443"
[[station]]
unit = "420000"
tier = "province"
name = "湖北"
parent = "000000"
[[station]]
unit = "420100"
tier = "district"
name = "武汉"
parent = "420000"
[[station]]
unit = "810000"
tier = "district"
name = "香港"
parent = "000000"
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/zhuji/node.toml"))
}

/// The complaint about a text, in full.
fn complaint(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

/// The complaint about the short text with more lines at its end, without the file's name.
fn complaint_about(more: &str) -> String {
    complaint(&format!("{SHORT}{more}")).replace("/etc/zhuji/node.toml:", "")
}

#[test]
fn everything_that_can_be_said_is_understood() {
    let config = parse(WHOLE).unwrap();
    assert_eq!(config.station.unit.as_str(), "420100");
    assert_eq!(config.station.tier, Some(Tier::District));
    assert_eq!(config.identity.directory, Path::new("/etc/zhuji/identity"), "relative to the file");
    let endpoints: Vec<String> = config.parent.unwrap().endpoints.iter().map(ToString::to_string).collect();
    assert_eq!(endpoints, ["relay-a.example:7443", "[fd00::1]:7443"]);
    assert_eq!(config.store.segment, 32 << 20);
    assert_eq!(config.store.retention, Duration::from_secs(3 * 86_400));
    assert_eq!(config.link.heartbeat, Duration::from_secs(5));
    assert_eq!(config.telemetry.log_format, LogFormat::Json);
    assert_eq!(config.telemetry.otlp.as_deref(), Some("http://127.0.0.1:4317"));
}

#[test]
fn what_is_left_out_has_a_default() {
    let config = parse(SHORT).unwrap();
    assert_eq!((config.parent, config.listen, config.station.tier), (None, None, None));
    assert_eq!(config.store.segment, 64 << 20);
    assert_eq!(config.store.reserve, 64 << 20);
    assert_eq!(config.store.index_cache, 16 << 20);
    assert_eq!(config.store.retention, Duration::from_secs(30 * 86_400));
    assert_eq!(config.link.heartbeat, Duration::from_secs(15));
    assert_eq!(config.telemetry.metrics, None);
    assert_eq!(config.telemetry.log, "info");
}

#[test]
fn an_unknown_key_is_shown_and_the_near_one_named() {
    let text = format!("{SHORT}[store]\nretntion = \"30d\"\n");
    assert_eq!(
        complaint(&text),
        "/etc/zhuji/node.toml:9:1: unknown key `retntion`; did you mean `retention`?\n  \
         9 | retntion = \"30d\"\n    | ^^^^^^^^"
    );
    assert!(complaint_about("[colour]\n").starts_with("8:2: unknown key `colour`; known here: station, identity"));
    assert!(complaint_about("[storage]\n").contains("did you mean `store`?"));
    assert!(complaint_about("[telemtry]\n").contains("did you mean `telemetry`?"));
}

#[test]
fn a_wrong_value_is_pointed_at() {
    for (more, expected) in [
        ("[store]\nsegment = \"64MB\"\n", "9:11: `64MB` is not a size: write a number and B, KiB, MiB"),
        ("[store]\nsegment = 64\n", "9:11: invalid type: integer `64`, expected a string"),
        ("[store]\nsegment = \"4GiB\"\n", "9:11: `4GiB` is out of bounds: choose from 1MiB to 1024MiB"),
        ("[store]\nretention = \"30\"\n", "9:13: `30` is not a duration: write a number and a unit"),
        ("[link]\nheartbeat = \"1h\"\n", "9:13: `1h` is out of bounds: choose from 100ms to 300s"),
        ("[parent]\nendpoints = []\n", "9:13: name 1 to 8 endpoints"),
        ("[parent]\nendpoints = [\"a:1\", \"https://b\"]\n", "9:21: `https://b` is not host:port"),
        ("[listen]\naddress = \"7443\"\n", "9:11: `7443` is not an address to bind: write IP:port"),
        ("[telemetry]\notlp = \"https://x:1\"\n", "9:8: `https://x:1` is not a collector: write http://host:port"),
        ("[telemetry]\nlog = \"info,=\"\n", "9:7: `info,=` is not a log filter"),
        ("[telemetry]\nlog_format = \"jsn\"\n", "9:14: unknown value `jsn`; did you mean `json`?"),
        ("[link]\nheartbeat = \"1s\"\nheartbeat = \"2s\"\n", "10:1: duplicate key"),
        ("[link\n", "8:6: "),
    ] {
        let complaint = complaint_about(more);
        assert!(complaint.starts_with(expected), "{more} gave\n{complaint}");
        assert!(complaint.ends_with('^'), "{complaint}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let complaint = complaint("[station]\nunit = \"1\"\n");
    assert!(complaint.starts_with("/etc/zhuji/node.toml:1:1: `data` is missing; add it"), "{complaint}");
}

#[test]
fn a_socket_path_the_kernel_would_refuse_is_refused_here() {
    let text = SHORT.replace("socket = \"s\"", &format!("socket = \"/run/{}\"", "s".repeat(120)));
    assert!(complaint(&text).contains("is 125 bytes long and a socket's path may have 107"));
}

#[test]
fn an_unreadable_file_says_which() {
    let error = Config::load(Path::new("/nonexistent/node.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the configuration /nonexistent/node.toml: No such file"), "{error}");
}

#[test]
fn the_sample_files_are_understood() {
    for (sample, tier) in [
        (include_str!("../../../deploy/config/node.toml"), Tier::District),
        (include_str!("../../../deploy/config/relay.toml"), Tier::Province),
        (include_str!("../../../deploy/config/ministry-hub.toml"), Tier::Ministry),
    ] {
        let config = parse(sample).unwrap();
        assert_eq!(config.station.tier, Some(tier));
        assert_eq!(config.listen.is_some(), tier != Tier::District);
        assert_eq!(config.parent.is_none(), tier == Tier::Ministry);
        // Every line that is only shown must be one that could be uncommented.
        let all: String =
            sample.lines().map(|line| line.strip_prefix("#! ").unwrap_or(line)).map(|l| format!("{l}\n")).collect();
        parse(&all).unwrap();
    }
}

#[test]
fn the_topology_decides_where_a_station_stands() {
    let tree = Topology::parse(TREE).unwrap();
    let at = |unit: &str, more: &str| parse(&format!("{}{more}", SHORT.replace("420100", unit)));
    let position = |unit: &str, more: &str| match at(unit, more).unwrap().position(&tree) {
        Ok(position) => Ok((position.place.tier, position.uplinks.iter().map(ToString::to_string).collect::<Vec<_>>())),
        Err(error) => Err(error.to_string().replace("/etc/zhuji/node.toml: ", "")),
    };
    let listen = "[listen]\naddress = \"0.0.0.0:7443\"\n";
    let parent = "[parent]\nendpoints = [\"r:1\"]\n";
    assert_eq!(position("810000", ""), Ok((Tier::District, vec!["hub.example:7443".into()])));
    assert_eq!(position("810000", parent), Ok((Tier::District, vec!["r:1".into()])));
    assert_eq!(position("000000", listen), Ok((Tier::Ministry, vec![])));
    assert_eq!(position("420000", listen), Ok((Tier::Province, vec!["hub.example:7443".into()])));
    for (unit, more, expected) in [
        ("420100", "", "[parent] is missing and the topology gives 420000 no usable endpoint"),
        ("420100", listen, "[listen] is given, but 420100 is a district"),
        ("420000", "", "[listen] is missing, but 420000 is a province"),
        ("000000", &format!("{listen}{parent}"), "[parent] is given, but 000000 is the ministry"),
        ("420101", "", "[station] unit \"420101\" is not in the topology; did you mean `420100`?"),
    ] {
        let error = position(unit, more).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
    let wrong = SHORT.replace("data =", "tier = \"province\"\ndata =");
    assert!(parse(&wrong).unwrap().position(&tree).unwrap_err().to_string().contains(
        "[station] tier is \"province\", but the topology has 420100 as \"district\"; correct the line or leave it out"
    ));
}
