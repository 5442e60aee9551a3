//! The people at the desks. Which of them sits where follows from the station, so that a name stays at its desk.

use node::topology::Unit;

use super::{
    dice::Dice,
    words::{Lang, Words, words},
};

const SURNAMES: &[Words] = &[
    words("王", "Wang"),
    words("李", "Li"),
    words("张", "Zhang"),
    words("刘", "Liu"),
    words("陈", "Chen"),
    words("杨", "Yang"),
    words("赵", "Zhao"),
    words("黄", "Huang"),
    words("周", "Zhou"),
    words("吴", "Wu"),
    words("徐", "Xu"),
    words("孙", "Sun"),
    words("马", "Ma"),
    words("何", "He"),
    words("郭", "Guo"),
    words("林", "Lin"),
];

const GIVEN: &[Words] = &[
    words("建国", "Jianguo"),
    words("秀兰", "Xiulan"),
    words("志强", "Zhiqiang"),
    words("丽华", "Lihua"),
    words("文斌", "Wenbin"),
    words("晓燕", "Xiaoyan"),
    words("海涛", "Haitao"),
    words("雪梅", "Xuemei"),
    words("永康", "Yongkang"),
    words("静怡", "Jingyi"),
    words("少华", "Shaohua"),
    words("国栋", "Guodong"),
    words("春生", "Chunsheng"),
];

/// The officer on duty at a station.
pub(crate) fn on_duty(unit: &Unit, lang: Lang) -> String {
    let seat = unit.as_str().bytes().fold(0u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut dice = Dice::new(seat, 1);
    let (surname, given) = (SURNAMES[dice.below(SURNAMES.len())], GIVEN[dice.below(GIVEN.len())]);
    match lang {
        Lang::Zh => format!("{}{}", surname.zh, given.zh),
        Lang::En => format!("{} {}", surname.en, given.en),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_keeps_its_officer_and_desks_differ() {
        let name = |unit: &str, lang| on_duty(&Unit::parse(unit).unwrap(), lang);
        assert_eq!(name("420100", Lang::Zh), name("420100", Lang::Zh));
        assert_ne!(name("420100", Lang::Zh), name("420500", Lang::Zh));
        assert!(name("420100", Lang::En).is_ascii());
    }
}
