//! The scenarios of the demo, all of them, from district to ministry and back: real stations, and the commands people type.

use std::process::Command;

use serde_json::Value;
use tests::country::binaries;

#[test]
fn every_scenario_goes_as_its_script_says() {
    let directory = tempfile::tempdir().unwrap();
    let demo = Command::new(binaries().join("ministry-hub"))
        .args(["demo", "--scenario", "all", "--headless", "--json", "--dir"])
        .arg(directory.path().join("demo"))
        .output()
        .unwrap();
    let played: Value = serde_json::from_slice(&demo.stdout).unwrap();
    assert_eq!((&played["ok"], &played["drained"]), (&Value::Bool(true), &Value::Bool(true)), "{played:#}");
    let scenarios = played["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 12);
    assert!(scenarios.iter().all(|one| one["documents"].as_object().is_some_and(|all| !all.is_empty())), "{played:#}");
    assert!(demo.status.success());
}

#[test]
fn what_does_not_come_about_is_told_with_its_step() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("wrong.toml");
    let steps = "zh = \"错\"\nen = \"wrong\"\n[[step]]\nat = \"420100\"\ntypes = [\"report\", \"submit\", \"--exercise\", \
                 \"--category\", \"其他\", \"--occurred\", \"now\", \"--place\", \"x\", \"-m\", \"x\"]\nas = \"first\"\n\
                 [[step]]\nat = \"420100\"\ntypes = [\"report\", \"dance\", \"{first}\"]\n";
    std::fs::write(&script, steps).unwrap();
    let demo = Command::new(binaries().join("ministry-hub"))
        .args(["demo", "--headless", "--json", "--lang", "en", "--scenario"])
        .arg(&script)
        .arg("--dir")
        .arg(directory.path().join("demo"))
        .output()
        .unwrap();
    let played: Value = serde_json::from_slice(&demo.stdout).unwrap();
    let one = &played["scenarios"][0];
    assert_eq!((&played["ok"], &one["steps"]), (&Value::Bool(false), &Value::from(2)), "{played:#}");
    assert!(one["failed"].as_str().unwrap().contains("dance"), "{played:#}");
    assert_eq!(demo.status.code(), Some(1));
}
