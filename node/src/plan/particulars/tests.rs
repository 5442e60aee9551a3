//! The forms, by the rows of the plan.

use super::*;

const NOW: i64 = 1_411_087_450_000_000;

fn said(item: Item, value: Value) -> Particular {
    Particular { item: item.into(), value: Some(value), as_of_us: NOW, source: "考区".into() }
}

fn checked(category: Category, particulars: Vec<Particular>) -> Result<(), Code> {
    let report = Report { category: category.into(), particulars, ..Default::default() };
    check(&report, category, Timestamp::from_us(NOW)).map_err(|refusal| refusal.code)
}

fn choice(choice: Choice) -> Value {
    Value::Choice(choice.into())
}

/// Something that fits.
fn sample(holds: Holds) -> Value {
    match holds {
        Holds::Count => Value::Count(3),
        Holds::Choice(among) => choice(among[0]),
        Holds::Moment => Value::AtUs(NOW),
        Holds::Text | Holds::Deed => Value::Text("x".into()),
    }
}

#[test]
fn every_item_there_is_is_on_a_form_once() {
    for number in 1..200 {
        let Ok(item) = Item::try_from(number) else { continue };
        assert_eq!(FORMS.iter().filter(|(known, ..)| *known == item).count(), 1, "{}", word(number));
    }
}

#[test]
fn every_form_takes_all_its_own_points_and_no_others() {
    for number in 1..16 {
        let Ok(category) = Category::try_from(number) else { continue };
        for (item, _, holds) in FORMS {
            let expected = match form(category).any(|own| own == *item) {
                true => Ok(()),
                false => Err(Code::ParticularOfAnotherCategory),
            };
            assert_eq!(checked(category, vec![said(*item, sample(*holds))]), expected, "{item:?} of {category:?}");
        }
    }
}

/// Each category has a form of its own: something it says that no other does.
#[test]
fn row_p4_in_part_the_eight_categories_have_eight_forms() {
    for number in 1..=8 {
        let category = Category::try_from(number).unwrap();
        let own = FORMS.iter().filter(|(_, within, _)| *within == [category]).count();
        assert!(own > 0, "{category:?}");
    }
    assert!(FORMS.iter().all(|(item, ..)| belongs(*item, Category::Other)), "等: what fits none may state any");
}

#[test]
fn row_3_1d_in_part_casualties_say_who_counted_and_when() {
    let hurt = said(Item::Injured, Value::Count(2));
    assert_eq!(checked(Category::Accident, vec![hurt.clone()]), Ok(()));
    let nobody = Particular { source: " ".into(), ..hurt.clone() };
    assert_eq!(checked(Category::Accident, vec![nobody]), Err(Code::ParticularWithoutSource));
    let never = Particular { as_of_us: 0, ..hurt.clone() };
    assert_eq!(checked(Category::Accident, vec![never]), Err(Code::ParticularWithoutSource));
    // Two who differ are two statements, not a mistake.
    let province = Particular { source: "省厅".into(), value: Some(Value::Count(3)), ..hurt.clone() };
    assert_eq!(checked(Category::Accident, vec![hurt, province]), Ok(()));
}

#[test]
fn row_4_1e_in_part_the_spread_of_the_papers_is_one_of_four_states() {
    let form = vec![
        said(Item::Bags, Value::Count(12)),
        said(Item::SealsBroken, Value::Count(1)),
        said(Item::Spread, choice(Choice::Suspected)),
        said(Item::CustodyStep, choice(Choice::Opening)),
    ];
    assert_eq!(checked(Category::PaperSecurity, form), Ok(()));
    let elsewhere = said(Item::Spread, choice(Choice::Fire));
    assert_eq!(checked(Category::PaperSecurity, vec![elsewhere]), Err(Code::ParticularNotRight));
    let mistyped = said(Item::Bags, Value::Count(limits::COUNT_MAX + 1));
    assert_eq!(checked(Category::PaperSecurity, vec![mistyped]), Err(Code::ParticularNotRight));
}

#[test]
fn row_4_4e_in_part_the_state_of_the_papers_is_told_in_a_disaster_too() {
    let lost = said(Item::Papers, choice(Choice::Lost));
    assert_eq!(checked(Category::NaturalDisaster, vec![lost.clone()]), Ok(()));
    assert_eq!(checked(Category::InfoSecurity, vec![lost]), Err(Code::ParticularOfAnotherCategory));
}

/// The papers are counted, and their seals.
#[test]
fn row_4_1c_in_part_bags_and_seals_are_counted() {
    let counts = [Item::Bags, Item::BagsMissing, Item::SealsBroken].map(|item| said(item, Value::Count(1)));
    assert_eq!(checked(Category::PaperSecurity, counts.to_vec()), Ok(()));
}

#[test]
fn row_4_2d_in_part_violence_is_told_with_when_the_police_were_called_and_their_number() {
    let form = vec![
        said(Item::Disorder, choice(Choice::Violence)),
        said(Item::PoliceCalled, Value::AtUs(NOW)),
        said(Item::PoliceReference, Value::Text("110-2014092000317".into())),
        said(Item::Papers, choice(Choice::Safe)),
    ];
    assert_eq!(checked(Category::RoomOrder, form), Ok(()));
}

#[test]
fn row_4_3a_in_part_cheating_has_the_four_qualifiers_of_the_plan() {
    for qualifier in [Item::LargeScale, Item::Organised, Item::Vicious, Item::GraveEffect] {
        for answer in [Choice::Yes, Choice::No, Choice::Unknown] {
            assert_eq!(checked(Category::Discipline, vec![said(qualifier, choice(answer))]), Ok(()));
        }
    }
}

/// Reporting does not wait for the health authority: what is not verified yet is told as that.
#[test]
fn row_4_5b_in_part_an_epidemic_is_reported_before_it_is_verified() {
    let unverified = said(Item::Verified, choice(Choice::Unverified));
    assert_eq!(checked(Category::Epidemic, vec![unverified]), Ok(()));
}

#[test]
fn row_4_8b_in_part_a_clue_belongs_to_one_of_the_six_phases() {
    let Some(Holds::Choice(phases)) = holds(Item::Phase) else { panic!("a phase is a choice") };
    assert_eq!(phases.iter().filter(|phase| **phase != Other).count(), 6);
}

#[test]
fn nothing_is_said_of_a_moment_still_to_come() {
    let ahead = i64::try_from(limits::AHEAD.as_micros()).unwrap();
    let later = |by| Particular { as_of_us: NOW + by, ..said(Item::Dead, Value::Count(0)) };
    assert_eq!(checked(Category::Accident, vec![later(ahead)]), Ok(()), "clocks differ a little");
    assert_eq!(checked(Category::Accident, vec![later(ahead + 1)]), Err(Code::ParticularFromTheFuture));
    let stopped = said(Item::StoppedAt, Value::AtUs(NOW + ahead + 1));
    assert_eq!(checked(Category::Accident, vec![stopped]), Err(Code::ParticularFromTheFuture));
}

#[test]
fn a_point_holds_what_it_is_to_hold() {
    for (item, _, holds) in FORMS {
        let others = [Value::Count(1), choice(Choice::Unspecified), Value::AtUs(0), Value::Text(" ".into())];
        for other in others.into_iter().chain([Value::Text("长".repeat(100))]) {
            let fits = matches!((&other, holds), (Value::Count(_), Holds::Count));
            assert_eq!(checked(Category::Other, vec![said(*item, other.clone())]).is_ok(), fits, "{item:?} {other:?}");
        }
        let empty = Particular { value: None, ..said(*item, Value::Count(0)) };
        assert_eq!(checked(Category::Other, vec![empty]), Err(Code::ParticularNotRight), "{item:?}");
    }
}

#[test]
fn what_this_station_does_not_know_it_does_not_write() {
    let newer = Particular { item: 4000, ..said(Item::Dead, Value::Count(1)) };
    assert_eq!(checked(Category::Accident, vec![newer]), Err(Code::ParticularNotRight));
    let many = vec![said(Item::Dead, Value::Count(1)); limits::PARTICULARS_MAX + 1];
    assert_eq!(checked(Category::Accident, many), Err(Code::TooManyParticulars));
}

#[test]
fn every_word_of_an_item_is_what_the_command_line_calls_it() {
    use crate::cli::terms::Listed as _;
    for (item, ..) in FORMS {
        assert_eq!(word((*item).into()), item.code());
    }
}
