//! `eyas schedule` as a user sees it.

mod workplace;

use workplace::Workplace;

#[test]
fn every_schedule_is_listed_and_drawn() {
    let place = Workplace::new();
    let list = place.run(&["schedule", "--list", "--json"]).json();
    let list = list["schedules"].as_array().unwrap();
    assert!(list.len() >= 24);
    for kind in list {
        let name = kind["name"].as_str().unwrap();
        let ended = place.run(&["schedule", name, "--steps", "50", "--plot", "--out", "s.svg"]);
        assert!(ended.done().contains('┤'), "{name}");
        let svg = std::fs::read_to_string(place.path("s.svg")).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>") && !svg.contains("NaN")
        );
    }
    let text = place.run(&["schedule", "--list"]);
    for word in
        ["cosine: falls along", "alpha=0", "elsewhere: keras CosineDecay", "arXiv:1608.03983"]
    {
        assert!(text.done().contains(word), "{word}");
    }
    let one = place.run(&["schedule", "--list", "cosine"]);
    assert!(one.done().starts_with("cosine: ") && !one.stdout.contains("warmup_cosine: "));
}

#[test]
fn numbers_as_table_csv_and_json() {
    let place = Workplace::new();
    let asked = ["schedule", "linear", "--steps", "4", "--param", "rate=8", "--param", "end=0.5"];
    let with = |more: &str| place.run(&[&asked[..], &[more][..]].concat());
    assert_eq!(with("--csv").done(), "step,rate\n0,8\n1,7\n2,6\n3,5\n");
    let json = with("--json").json();
    assert_eq!(json["rates"].as_array().unwrap().len(), 4);
    assert_eq!(json["parameters"]["rate"], "8");
    assert!(json["momentum"].is_null());
    let table = place.run(&asked);
    assert!(table.done().contains("8.000000e0"), "{}", table.stdout);
    let long = place.run(&["schedule", "one_cycle", "--steps", "1000"]);
    assert!(long.done().contains("40 of 1000 steps") && long.stdout.contains("momentum"));
}

#[test]
fn mistakes_are_named() {
    let place = Workplace::new();
    let refused = |arguments: &[&str], words: &[&str]| {
        place.refused(&[&["schedule"], arguments].concat(), 2, words);
    };
    refused(&["cosin", "--steps", "9"], &["`cosin`", "did you mean `cosine`?", "--list"]);
    refused(&["--list", "OneCycleLR"], &["here it is called `one_cycle`"]);
    refused(
        &["cosine", "--steps", "9", "--param", "alpha=-1"],
        &["`alpha` is `-1`", "a number from 0"],
    );
    refused(&["cosine", "--steps", "9", "--param", "alpa=1"], &["did you mean `alpha`?"]);
    refused(&["cosine", "--steps", "9", "--param", "alpha"], &["NAME=VALUE"]);
    refused(&["cosine(", "--steps", "9"], &["must read like"]);
    refused(&["cosine", "--steps", "0"], &["0 is not in 1.."]);
    refused(&["cosine"], &["--steps"]);
    refused(&[], &["required"]);
    refused(&["cosine", "--steps", "9", "--out", "."], &["is a folder"]);
}
