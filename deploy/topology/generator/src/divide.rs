//! Which prefectures share a 考区. Facts first (municipalities, Sichuan, Fujian), one plain rule for the rest.

use gb2260::Division;

use crate::names::{PROVINCES, Province, short};

/// The revision of GB/T 2260 closest to the exam of 2014-09-20.
const REVISION: &str = "201410";
/// 考区 in 2014, as the press reported.
pub const PUBLISHED_TOTAL: usize = 255;
/// Provinces whose exam districts are known, so the rule leaves them alone.
const KNOWN: [&str; 2] = [FUJIAN, SICHUAN];
const FUJIAN: &str = "350000";
const SICHUAN: &str = "510000";
/// Sichuan 2014: (the prefecture that gives the 考区 its name, the prefecture it also serves).
const SICHUAN_MERGES: [(&str, &str); 3] = [("511300", "510900"), ("511000", "512000"), ("511100", "511400")];

/// One 考区.
pub struct ExamDistrict {
    pub province: &'static str,
    pub unit: String,
    pub name: String,
    pub also_serves: Option<Division>,
}

/// All 考区, province by province, in the order of their codes.
pub fn exam_districts() -> Vec<ExamDistrict> {
    let provinces: Vec<_> = PROVINCES.iter().map(|province| (province, prefectures(province))).collect();
    let ruled: Vec<usize> =
        provinces.iter().map(|(province, own)| if by_rule(province) { own.len() } else { 0 }).collect();
    let known: usize = provinces.iter().map(|(province, own)| known_count(province, own)).sum();
    let quotas = shares(&ruled, PUBLISHED_TOTAL - known);
    let mut all = Vec::new();
    for ((province, own), quota) in provinces.into_iter().zip(quotas) {
        match province.code {
            _ if province.municipality => all.push(city_wide(province)),
            SICHUAN => all.extend(merge(province, own, &SICHUAN_MERGES.map(|(at, other)| (at.into(), other.into())))),
            _ if by_rule(province) => {
                let pairs = last_pairs(&own, own.len() - quota);
                all.extend(merge(province, own, &pairs));
            }
            _ => all.extend(merge(province, own, &[])),
        }
    }
    all
}

fn by_rule(province: &Province) -> bool {
    !province.municipality && !KNOWN.contains(&province.code)
}

fn known_count(province: &Province, own: &[Division]) -> usize {
    match province.code {
        _ if province.municipality => 1,
        SICHUAN => own.len() - SICHUAN_MERGES.len(),
        FUJIAN => own.len(),
        _ => 0,
    }
}

/// The real prefectures of a province: rows like 市辖区, 县 and 省直辖县级行政区划 only hold counties together.
fn prefectures(province: &Province) -> Vec<Division> {
    (1..=99)
        .filter_map(|number| Division::get_by_revision(&format!("{}{number:02}00", &province.code[..2]), REVISION))
        .filter(|row| !matches!(row.name, "市辖区" | "县") && !row.name.ends_with("直辖县级行政区划"))
        .collect()
}

/// Divides `total` in proportion to `sizes`; what rounding leaves over goes to the largest remainders, first come first.
fn shares(sizes: &[usize], total: usize) -> Vec<usize> {
    let sum: usize = sizes.iter().sum();
    let mut shares: Vec<usize> = sizes.iter().map(|size| size * total / sum).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(sizes[at] * total % sum));
    let left = total - shares.iter().sum::<usize>();
    for &at in &order[..left] {
        shares[at] += 1;
    }
    shares
}

/// `count` pairs of neighbours in code order, taken from the last code backwards: (keeps its name, is also served).
fn last_pairs(own: &[Division], count: usize) -> Vec<(String, String)> {
    own.rchunks_exact(2).take(count).map(|pair| (pair[0].code.into(), pair[1].code.into())).collect()
}

fn merge(province: &Province, own: Vec<Division>, pairs: &[(String, String)]) -> Vec<ExamDistrict> {
    own.iter()
        .filter(|row| !pairs.iter().any(|(_, other)| other == row.code))
        .map(|row| ExamDistrict {
            province: province.code,
            unit: row.code.into(),
            name: short(row.name),
            also_serves: pairs
                .iter()
                .find(|(at, _)| at == row.code)
                .and_then(|(_, other)| own.iter().find(|row| row.code == other).cloned()),
        })
        .collect()
}

/// A municipality is one 考区; it takes the code of its pseudo-prefecture, since its own is the provincial unit's.
fn city_wide(province: &Province) -> ExamDistrict {
    let unit = format!("{}0100", &province.code[..2]);
    ExamDistrict { province: province.code, unit, name: format!("{}全市", province.name), also_serves: None }
}
