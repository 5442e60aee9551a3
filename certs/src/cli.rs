//! What may be asked for. Help is in both languages, since `--lang` is only known once the line is read.

use std::path::PathBuf;

use certs::{Tier, Usage, profile::TRANSPORT_DAYS};
use clap::{Parser, Subcommand, ValueEnum};

/// The language of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// 中文
    Zh,
    /// English
    En,
}

/// 逐级网络的证书机构:密钥只在这里产生 · The authority of a Zhuji network: the only place keys are made
#[derive(Debug, Parser)]
#[command(
    name = "zhuji-certs",
    version,
    after_help = "退出码 Exit codes: 0 完成 done · 1 失败 failed · 2 用法错误 bad usage"
)]
pub(crate) struct Args {
    /// 输出语言 · Language of messages
    #[arg(long, global = true, value_enum, env = "ZHUJI_LANG", default_value = "zh")]
    pub(crate) lang: Lang,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 新建根、传输和签名机构 · Make a root, a transport and a signing authority
    Init {
        /// 机构名称 · What people call it
        #[arg(long)]
        name: String,
        /// 信任域,每个网络一个 · The trust domain, one a network
        #[arg(long)]
        trust_domain: String,
        /// 新机构的目录 · Where the authority is kept
        #[arg(long)]
        out: PathBuf,
    },
    /// 为拓扑中每个站各生成一个目录 · Make one directory for every station of a topology
    Plan {
        /// 拓扑文件 · The topology file
        topology: PathBuf,
        /// 机构目录 · The authority's directory
        #[arg(long)]
        ca: PathBuf,
        /// 各站目录的上级 · Where the directories go
        #[arg(long)]
        out: PathBuf,
        /// 传输证书的天数 · Days a transport certificate is good
        #[arg(long, default_value_t = TRANSPORT_DAYS, value_parser = clap::value_parser!(i64).range(1..=3650))]
        days: i64,
    },
    /// 为一个站生成目录 · Make the directory of one station
    Issue {
        /// 机构目录 · The authority's directory
        #[arg(long)]
        ca: PathBuf,
        /// 层级 · Its tier
        #[arg(long, value_enum)]
        tier: Tier,
        /// 单位代码 · Its unit id
        #[arg(long)]
        unit: String,
        /// 拓扑文件:核对该站在其中,并一并放入目录 · Checked to have the station, and put with its files
        #[arg(long)]
        topology: Option<PathBuf>,
        /// 该站的目录 · Where its files go
        #[arg(long)]
        out: PathBuf,
    },
    /// 为申请中的公钥签发;申请的其他内容一律不采纳 · Certify a request's key; nothing else of it is used
    Sign {
        /// 申请文件(PKCS #10,PEM) · The request
        csr: PathBuf,
        /// 机构目录 · The authority's directory
        #[arg(long)]
        ca: PathBuf,
        /// 层级 · Its tier
        #[arg(long, value_enum)]
        tier: Tier,
        /// 单位代码 · Its unit id
        #[arg(long)]
        unit: String,
        /// 用途 · What it is for
        #[arg(long = "use", value_enum)]
        usage: Usage,
        /// 有效期,如 90d 或 90天;不写则传输 90 天、签名 400 天 · How long, e.g. 90d; else 90 or 400 days, by its use
        #[arg(long = "for", value_name = "90d", value_parser = days)]
        days: Option<i64>,
        /// 证书文件 · Where the certificate goes
        #[arg(short, long)]
        out: PathBuf,
    },
    /// 显示证书内容;不代表它可信 · Show what a certificate says; that is no proof of it
    Inspect {
        /// 证书文件(PEM) · The certificate
        file: PathBuf,
        /// 每张证书一行 · One line a certificate
        #[arg(long, conflicts_with = "json")]
        short: bool,
        /// 每张证书一行 JSON · One line of JSON a certificate
        #[arg(long)]
        json: bool,
    },
}

/// `90d` or `90天`, up to ten years.
fn days(typed: &str) -> Result<i64, String> {
    let number = typed.strip_suffix('d').or_else(|| typed.strip_suffix('天'));
    match number.and_then(|number| number.parse().ok()) {
        Some(days @ 1..=3650) => Ok(days),
        _ => Err("1d … 3650d, 1天 … 3650天".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn a_life_has_a_unit_and_a_bound() {
        assert_eq!((super::days("90d"), super::days("400天")), (Ok(90), Ok(400)));
        for bad in ["", "d", "90", "0d", "-1d", "3651d", "99999999999999999999d", "9w", "1.5d"] {
            assert!(super::days(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
