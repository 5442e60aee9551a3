//! What people call the places. The table of divisions has full Chinese names and no romanisation.

/// A provincial unit.
pub struct Province {
    pub code: &'static str,
    pub name: &'static str,
    pub name_en: &'static str,
    /// One city, one 考区.
    pub municipality: bool,
}

const fn province(code: &'static str, name: &'static str, name_en: &'static str) -> Province {
    Province { code, name, name_en, municipality: false }
}

const fn municipality(code: &'static str, name: &'static str, name_en: &'static str) -> Province {
    Province { code, name, name_en, municipality: true }
}

/// The 33 provincial units of the exam.
pub const PROVINCES: [Province; 33] = [
    municipality("110000", "北京", "Beijing"),
    municipality("120000", "天津", "Tianjin"),
    province("130000", "河北", "Hebei"),
    province("140000", "山西", "Shanxi"),
    province("150000", "内蒙古", "Inner Mongolia"),
    province("210000", "辽宁", "Liaoning"),
    province("220000", "吉林", "Jilin"),
    province("230000", "黑龙江", "Heilongjiang"),
    municipality("310000", "上海", "Shanghai"),
    province("320000", "江苏", "Jiangsu"),
    province("330000", "浙江", "Zhejiang"),
    province("340000", "安徽", "Anhui"),
    province("350000", "福建", "Fujian"),
    province("360000", "江西", "Jiangxi"),
    province("370000", "山东", "Shandong"),
    province("410000", "河南", "Henan"),
    province("420000", "湖北", "Hubei"),
    province("430000", "湖南", "Hunan"),
    province("440000", "广东", "Guangdong"),
    province("450000", "广西", "Guangxi"),
    province("460000", "海南", "Hainan"),
    municipality("500000", "重庆", "Chongqing"),
    province("510000", "四川", "Sichuan"),
    province("520000", "贵州", "Guizhou"),
    province("530000", "云南", "Yunnan"),
    province("540000", "西藏", "Tibet"),
    province("610000", "陕西", "Shaanxi"),
    province("620000", "甘肃", "Gansu"),
    province("630000", "青海", "Qinghai"),
    province("640000", "宁夏", "Ningxia"),
    province("650000", "新疆", "Xinjiang"),
    province("810000", "香港", "Hong Kong"),
    province("820000", "澳门", "Macau"),
];

/// The peoples named in autonomous prefectures, longest first where one ends in another.
const PEOPLES: [&str; 19] = [
    "柯尔克孜",
    "哈萨克",
    "土家族",
    "布依族",
    "哈尼族",
    "景颇族",
    "傈僳族",
    "朝鲜族",
    "蒙古族",
    "蒙古",
    "苗族",
    "藏族",
    "羌族",
    "彝族",
    "侗族",
    "壮族",
    "傣族",
    "白族",
    "回族",
];

/// 武汉市 → 武汉, 恩施土家族苗族自治州 → 恩施. A name that would then be a province's keeps its last word (吉林市, 海南州).
pub fn short(full: &str) -> String {
    let (name, ending) = if let Some(people) = full.strip_suffix("自治州") {
        let mut name = people;
        while let Some(less) = PEOPLES.iter().find_map(|people| name.strip_suffix(people)) {
            name = less;
        }
        (name, "州")
    } else {
        let name = ["市", "地区", "盟"].iter().find_map(|ending| full.strip_suffix(ending)).unwrap_or(full);
        (name, &full[name.len()..])
    };
    if PROVINCES.iter().any(|province| province.name == name) { format!("{name}{ending}") } else { name.into() }
}
