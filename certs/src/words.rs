//! Everything that is printed, in both languages.

use std::{io, path::Path};

use certs::{Error, Facts, StationId, Usage, topology::Station};
use time::OffsetDateTime;

use crate::cli::Lang;

/// The text of a language.
pub(crate) fn pick<'a>(lang: Lang, zh: &'a str, en: &'a str) -> &'a str {
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}

pub(crate) fn made_authority(name: &str, trust_domain: &str, dir: &Path, lang: Lang) -> String {
    let dir = dir.display();
    match lang {
        Lang::Zh => format!(
            "已建立机构“{name}”(信任域 {trust_domain}):{dir}\n\
             请立即把 {dir}/root.key 移到离线介质并锁入保险柜:日常签发不需要它。\n\
             下一步: zhuji-certs plan 拓扑文件 --ca {dir} --out 目录"
        ),
        Lang::En => format!(
            "made authority \"{name}\" (trust domain {trust_domain}): {dir}\n\
             Now move {dir}/root.key to an offline medium in a safe: issuing does not need it.\n\
             next: zhuji-certs --lang en plan TOPOLOGY --ca {dir} --out DIR"
        ),
    }
}

pub(crate) fn made_plan(stations: usize, network: &str, dir: &Path, lang: Lang) -> String {
    let dir = dir.display();
    match lang {
        Lang::Zh => format!(
            "已为“{network}”的 {stations} 个站各生成一个目录:{dir}/<单位代码>/\n\
             下一步: 把每个目录交到该站,放到其配置的 [identity] directory,然后从这里删除其中的 *.key"
        ),
        Lang::En => format!(
            "made a directory for each of the {stations} stations of \"{network}\": {dir}/<unit>/\n\
             next: take each to its station, to its [identity] directory, then delete its *.key here"
        ),
    }
}

/// Who gets what: the directory, the name in its certificates, what people call it.
pub(crate) fn who_gets_what(stations: &[Station], lang: Lang) -> String {
    let width = stations.iter().map(|station| station.id.unit().len()).max().unwrap_or_default() + 1;
    let line = |station: &Station| {
        let english = lang == Lang::En && !station.name_en.is_empty();
        let name = if english { &station.name_en } else { &station.name };
        format!("{:width$}  {}  {name}", format!("{}/", station.id.unit()), station.id)
    };
    stations.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(crate) fn made_bundle(id: &StationId, dir: &Path, lang: Lang) -> String {
    let dir = dir.display();
    match lang {
        Lang::Zh => format!(
            "已签发 {id}:{dir}\n下一步: 把该目录交到该站,放到其配置的 [identity] directory,然后从这里删除 *.key"
        ),
        Lang::En => {
            format!(
                "issued {id}: {dir}\nnext: take it to the station, to its [identity] directory, then delete *.key here"
            )
        }
    }
}

pub(crate) fn signed(id: &StationId, usage: Usage, not_after: OffsetDateTime, file: &Path, lang: Lang) -> String {
    let (name, until, file) = (usage.as_str(), not_after.date(), file.display());
    match lang {
        Lang::Zh => format!(
            "已签发 {id} 的{}证书,有效至 {until}:{file}\n下一步: 在该站存为 {name}.pem,与其 {name}.key 放在一起",
            usage_zh(usage)
        ),
        Lang::En => format!(
            "issued a {name} certificate for {id}, good until {until}: {file}\n\
             next: save it on the station as {name}.pem, beside its {name}.key"
        ),
    }
}

/// One certificate on one line.
pub(crate) fn facts_short(facts: &Facts, lang: Lang) -> String {
    let Facts { subject, issuer, not_before, not_after, .. } = facts;
    let (from, to) = (day(not_before), day(not_after));
    let (names, left, uses, print) = (subject.join(" "), left(facts, lang), uses(facts, lang), &facts.sha256[..16]);
    match lang {
        Lang::Zh => format!("{names}  签发 {issuer}  有效 {from} → {to}({left})  用途 {uses}  指纹 {print}…"),
        Lang::En => {
            format!("{names}  issuer {issuer}  valid {from} → {to} ({left})  uses {uses}  fingerprint {print}…")
        }
    }
}

/// One certificate on a few lines.
pub(crate) fn facts_long(facts: &Facts, lang: Lang) -> String {
    let kind = if facts.authority { pick(lang, "机构", "authority") } else { pick(lang, "终端", "leaf") };
    let valid = format!("{} → {} ({})", facts.not_before, facts.not_after, left(facts, lang));
    let lines = [
        (pick(lang, "名称", "subject"), facts.subject.join(" ")),
        (pick(lang, "类型", "kind"), kind.to_owned()),
        (pick(lang, "签发", "issuer"), facts.issuer.clone()),
        (pick(lang, "序列号", "serial"), facts.serial.clone()),
        (pick(lang, "有效", "valid"), valid),
        (pick(lang, "用途", "uses"), uses(facts, lang)),
        ("SHA-256", facts.sha256.clone()),
    ];
    lines.map(|(label, text)| format!("{label}: {text}")).join("\n")
}

fn day(moment: &str) -> &str {
    moment.split('T').next().unwrap_or(moment)
}

fn left(facts: &Facts, lang: Lang) -> String {
    let days = facts.days_left;
    match (lang, days < 0) {
        (Lang::Zh, false) => format!("剩 {days} 天"),
        (Lang::Zh, true) => "已过期".to_owned(),
        (Lang::En, false) => format!("{days} days left"),
        (Lang::En, true) => "expired".to_owned(),
    }
}

fn uses(facts: &Facts, lang: Lang) -> String {
    if facts.uses.is_empty() {
        return pick(lang, "未限定", "unrestricted").to_owned();
    }
    let name = |name: &String| match (lang, name.as_str()) {
        (Lang::Zh, "clientAuth") => "客户端".to_owned(),
        (Lang::Zh, "serverAuth") => "服务端".to_owned(),
        (Lang::Zh, "station-signing") => "站签名".to_owned(),
        (Lang::Zh, "officer-signing") => "人员签名".to_owned(),
        _ => name.clone(),
    };
    facts.uses.iter().map(name).collect::<Vec<_>>().join("+")
}

fn usage_zh(usage: Usage) -> &'static str {
    match usage {
        Usage::Transport => "传输",
        Usage::Signing => "签名",
    }
}

/// What went wrong and what to do. The library speaks English itself.
pub(crate) fn explain(error: &Error, lang: Lang) -> String {
    match lang {
        Lang::Zh => explain_zh(error),
        Lang::En => error.to_string(),
    }
}

fn explain_zh(error: &Error) -> String {
    match error {
        Error::Unread { file, source } => {
            format!("无法读取 {}:{};请检查路径,以及当前用户的读权限", file.display(), system_zh(source))
        }
        Error::Unwritten { file, source } => {
            format!("无法写入 {}:{};请检查剩余空间,以及当前用户的写权限", file.display(), system_zh(source))
        }
        Error::Exists { file } => {
            format!("{} 已存在,本工具从不覆盖任何文件;请换一个目录,或先把它移走", file.display())
        }
        Error::NoAuthority { dir } => {
            format!("{} 中没有机构;请先用 zhuji-certs init 建立,或核对 --ca", dir.display())
        }
        Error::Shape { file, expected } => {
            let expected = if *expected == "certificate" { "证书" } else { "私钥" };
            format!("{} 中没有 PEM 格式的{expected};请使用本工具写出的文件", file.display())
        }
        Error::OtherKey { key, certificate } => {
            format!("{} 不是 {} 的密钥;两者须取自同一份机构目录", key.display(), certificate.display())
        }
        Error::AuthorityFile { file, source } => format!("{} 有误,请从机构的备份恢复:{source}", file.display()),
        Error::AuthorityEnded { usage, not_after } => {
            format!("{}机构已于 {} 到期;请用 zhuji-certs init 建立新机构", usage_zh(*usage), not_after.date())
        }
        Error::BadName { text } => format!("“{text}”不能作机构名称;须为 1 至 64 个可显示字符"),
        Error::BadUnit { text } => format!("“{text}”不是单位代码;只能用 a-z、0-9 和 -,最多 32 个"),
        Error::BadTrustDomain { text } => format!("“{text}”不是信任域;只能用 a-z、0-9 和 . - _,最多 200 个"),
        Error::TopologyShape { file, source } => format!("{} 不是拓扑文件:{source}", file.display()),
        Error::TopologyEmpty { file } => format!("{} 中没有站;请为每个单位写一节 [[station]]", file.display()),
        Error::TopologyTwice { file, unit } => {
            format!("{} 中单位 {unit} 出现两次;每个单位须有自己的代码", file.display())
        }
        Error::OtherNetwork { file, found, expected } => {
            format!("{} 属于 {found},而机构属于 {expected};请使用该网络自己的机构", file.display())
        }
        Error::NoPlace { file, id } => {
            format!("{} 中没有 {id};请核对 --tier 和 --unit,或先把该站写入拓扑", file.display())
        }
        Error::RequestShape => "申请不是可读的 PKCS #10(PEM);请让该站重新生成".to_owned(),
        Error::RequestUnproven => "申请未用其自身的密钥签名,不能证明任何事;请让该站重新生成".to_owned(),
        Error::RequestKey { usage } => {
            format!("申请中的密钥不是{}证书所需的 {};请让该站重新生成", usage_zh(*usage), usage.key_kind())
        }
        Error::Build(source) => format!("无法生成证书:{source}"),
        Error::NoRandom => "系统不提供随机数;未签发任何证书".to_owned(),
    }
}

fn system_zh(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "不存在".to_owned(),
        io::ErrorKind::PermissionDenied => "没有权限".to_owned(),
        io::ErrorKind::NotADirectory => "路径中有一段不是目录".to_owned(),
        io::ErrorKind::IsADirectory => "这是目录".to_owned(),
        io::ErrorKind::StorageFull => "磁盘已满".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "文件系统只读".to_owned(),
        io::ErrorKind::InvalidData => "不是 UTF-8 文本".to_owned(),
        _ => error.to_string(),
    }
}
