//! Writes `../national-2014.toml`: 1 ministry, 33 provincial units, 255 考区. Run `cargo run` here after changing a rule.
//!
//! Promises: the same input gives the same bytes; the count of 考区 is exactly the published one, or nothing is
//! written. What is a fact and what is our assumption is said in the header of the file itself (`header.txt`).

mod divide;
mod names;

use std::{fmt::Write as _, fs, process::ExitCode};

use divide::{ExamDistrict, PUBLISHED_TOTAL};
use names::PROVINCES;

const HEADER: &str = include_str!("header.txt");
const MINISTRY: &str = "000000";
const FIRST_PORT: usize = 17400;

fn main() -> ExitCode {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../national-2014.toml");
    let districts = divide::exam_districts();
    if districts.len() != PUBLISHED_TOTAL {
        eprintln!("the rules give {} exam districts, {PUBLISHED_TOTAL} were published", districts.len());
        return ExitCode::FAILURE;
    }
    if let Err(error) = fs::write(path, render(&districts)) {
        eprintln!("{path}: {error}");
        return ExitCode::FAILURE;
    }
    println!("{path}: 1 + {} + {} stations", PROVINCES.len(), districts.len());
    ExitCode::SUCCESS
}

fn render(districts: &[ExamDistrict]) -> String {
    let mut out = String::from(HEADER);
    out.push_str("\n[network]\nname = \"国家司法考试 2014\"\ntrust_domain = \"demo.zhuji.internal\"\n");
    out.push_str(&station(MINISTRY, "ministry", "司法部"));
    out.push_str("name_en = \"Ministry of Justice\"\nendpoint = \"127.0.0.1:7440\"\n");
    for (index, province) in PROVINCES.iter().enumerate() {
        let port = FIRST_PORT + index;
        out.push_str(&station(province.code, "province", province.name));
        let name_en = province.name_en;
        let rest = format!("name_en = \"{name_en}\"\nparent = \"{MINISTRY}\"\nendpoint = \"127.0.0.1:{port}\"\n");
        out.push_str(&rest);
        for district in districts.iter().filter(|district| district.province == province.code) {
            out.push_str(&station(&district.unit, "district", &district.name));
            let _ = writeln!(out, "parent = \"{}\"", province.code);
            if let Some(other) = &district.also_serves {
                let _ = writeln!(out, "# 兼管 also serves: {} {}", other.code, other.name);
            }
        }
    }
    out
}

fn station(unit: &str, tier: &str, name: &str) -> String {
    format!("\n[[station]]\nunit = \"{unit}\"\ntier = \"{tier}\"\nname = \"{name}\"\n")
}
