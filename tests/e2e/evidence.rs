//! Evidence of an event, handed out at a station and verified on a machine that has none.

use std::{fs, path::Path};

use proto::v1::{self, Precedence};
use tests::{
    country::{Country, eventually, small, unit},
    officer::{Officer, Said},
    papers,
};

/// Verifies a file somewhere without a station.
fn verifies(officer: &Officer, file: &Path, root: &Path) -> Said {
    let (file, root) = (file.display().to_string(), root.display().to_string());
    officer.types(&["msg", "verify", &file, "--root", &root, "--json"])
}

#[tokio::test(flavor = "multi_thread")]
async fn row_6_5_evidence_of_an_event_is_handed_out_and_proves_itself_offline() {
    let country = Country::start(&small()).await;
    let [district, province, ministry] = [("420100", "张三"), ("420000", "王五"), ("000000", "赵一")]
        .map(|(station, name)| Officer::at(&country, station, name));
    let said = district.types(&[&papers::SUBMIT[..], &["-q"]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let number = said.out.trim().to_owned();
    // Something else, perhaps under the same seal: it is nobody's business.
    let mut desk = country.desk(&unit("420100")).await;
    desk.file(papers::report("另一件事,不得外传", Precedence::TeJi)).await.unwrap();
    for line in
        [vec!["report", "follow-up", &number, "-m", "已封存"], vec!["report", "final", &number, "-m", "处置完毕"]]
    {
        let said = district.types(&line);
        assert_eq!(said.code, 0, "{said:?}");
    }
    eventually("the ministry signs for the 首报", async || {
        (ministry.types(&["inbox", "sign", &number]).code == 0).then_some(())
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("证据");
    let root = country.path(&unit("420000"), "identity/root.pem");
    let out = file.display().to_string();

    // The province has the whole event, and what the ministry did about it.
    let mut verdict = serde_json::Value::Null;
    eventually("the province has the ministry's signature", async || {
        drop(fs::remove_file(&file));
        let said = province.types(&["incident", "export", &number, "-o", &out, "--purpose", "移送 武检〔2014〕7号"]);
        assert_eq!(said.code, 0, "{said:?}");
        let said = verifies(&province, &file, &root);
        assert_eq!(said.code, 0, "{said:?}");
        verdict = serde_json::from_str(&said.out).unwrap();
        let receipts = verdict["receipts"].as_array().unwrap();
        receipts.iter().any(|one| one["stage"] == "signed" && one["station"] == "000000").then_some(())
    })
    .await;
    assert_eq!((&verdict["holds"], &verdict["station"]), (&true.into(), &"420000".into()), "{verdict}");
    assert_eq!(verdict["purpose"], "移送 武检〔2014〕7号");
    let kinds: Vec<_> = verdict["documents"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["initial-report", "follow-up-report", "final-report"], "{verdict}");
    assert!(verdict["ways"][0]["passages"].as_array().is_some_and(|way| !way.is_empty()), "{verdict}");
    assert!(verdict["documents"].as_array().unwrap().iter().all(|one| one["policy"].is_string()), "{verdict}");
    let bytes = fs::read(&file).unwrap();
    let secret = "不得外传".as_bytes();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret), "the text of another event is in it");

    // People read the same; a file that is there is not written over.
    let text = district.away("/nowhere").types(&["msg", "verify", &out, "--root", &root.display().to_string()]);
    assert!(text.code == 0 && text.err.contains("全部成立") && text.out.contains(&number), "{text:?}");
    let again = province.types(&["incident", "export", &number, "-o", &out]);
    assert!(again.code == 1 && again.err.contains("已存在"), "{again:?}");

    // Nothing to compare with, or another network's root: it proves nothing.
    let alone = ministry.types(&["msg", "verify", &out, "--config", "/nowhere", "--json"]);
    assert!(alone.code == 1 && alone.out.contains("unknown"), "{alone:?}");
    let stranger = certs::Authority::create("trial", "elsewhere", time::OffsetDateTime::now_utc()).unwrap();
    let bundle = stranger.issue_station(certs::Tier::District, "420100", time::OffsetDateTime::now_utc()).unwrap();
    bundle.write(&dir.path().join("other"), &small()).unwrap();
    let foreign = verifies(&province, &file, &dir.path().join("other/root.pem"));
    assert!(foreign.code == 1 && foreign.out.contains("foreign"), "{foreign:?}");

    // One letter of a report altered.
    let at = bytes.windows(3).rposition(|window| window == "损".as_bytes()).unwrap();
    let mut altered = bytes;
    altered.splice(at..at + 3, "完".bytes());
    let forged = dir.path().join("改");
    fs::write(&forged, altered).unwrap();
    let said = verifies(&province, &forged, &root);
    assert!(said.code == 1 && said.out.contains("removed") && said.out.contains("no-body"), "{said:?}");
    let other = dir.path().join("不是");
    fs::write(&other, "不是证据").unwrap();
    assert_eq!(verifies(&province, &other, &root).code, 1);

    // Nobody hands it out without a name; what is no event has none.
    let request = v1::ExportRequest { incident: number, ..Default::default() };
    let mut province = country.desk(&unit("420000")).await;
    assert_eq!(province.export(request).await.unwrap_err().code(), tonic::Code::InvalidArgument);
}
