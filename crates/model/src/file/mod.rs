//! The model file.
//!
//! A header, a table of sections, and sections of plain arrays, each checksummed; drawn byte by
//! byte in `docs/FORMAT.md`. The file keeps the logical model exactly:
//! `Model::from_bytes(&model.to_bytes()) == Ok(model)`. The packed form is made at load, so a
//! faster engine needs no new files.

pub(crate) mod layout;
mod read;
#[cfg(any(test, fuzzing))]
mod seal;
mod sections;
pub(crate) mod stored;
mod whole;
mod write;

#[cfg(any(test, fuzzing))]
pub use seal::seal;
pub(crate) use whole::read;
pub use whole::write_whole;

#[cfg(test)]
mod tests {
    use super::layout::{CHECKSUM, ENTRY, HEADER};
    use super::seal;
    use crate::engine::examples::any_model;
    use crate::engine::{Predictor, Scratch};
    use crate::error::Error;
    use crate::measure::MadeUpRows;
    use crate::members::{Model, Part};
    use crate::random::Random;
    use crate::value::Value;
    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_64;

    /// Entries of the table of sections.
    fn n_entries(file: &[u8]) -> usize {
        usize::from(file[12])
    }

    fn problem(file: &[u8]) -> String {
        Model::from_bytes(file).expect_err("a broken file").to_string()
    }

    proptest! {
        #[test]
        fn models_round_trip(seed in any::<u64>()) {
            let model = any_model(seed);
            let bytes = model.to_bytes();
            let read = Model::from_bytes(&bytes);
            prop_assert_eq!(read.as_ref(), Ok(&model));
            prop_assert_eq!(read.expect("it was equal").to_bytes(), bytes);
        }

        #[test]
        fn trees_taken_as_they_lie_predict_as_the_model_does(seed in any::<u64>()) {
            let model = any_model(seed);
            let rows = MadeUpRows::new(&model, 40, seed);
            let loaded = Predictor::from_bytes(&model.to_bytes()).expect("sound");
            let compiled = Predictor::compile(model).expect("sound");
            prop_assert_eq!(loaded.shape(), compiled.shape());
            let bits_of = |predictor: &Predictor| {
                let mut out = vec![0.0; 40 * predictor.n_outputs()];
                let done = predictor.predict_batch(&rows, &mut Scratch::default(), &mut out);
                done.expect("sound rows");
                out.into_iter().map(f64::to_bits).collect::<Vec<_>>()
            };
            prop_assert_eq!(bits_of(&loaded), bits_of(&compiled));
        }

        #[test]
        fn any_change_of_a_byte_is_found(seed in 0u64..50, place in any::<u64>(), change in 1u8..) {
            let mut bytes = any_model(seed).to_bytes();
            let place = Random(place).below(bytes.len());
            bytes[place] ^= change;
            let refused = matches!(Model::from_bytes(&bytes), Err(Error::BadFile { .. }));
            prop_assert!(refused, "byte {}", place);
        }

        #[test]
        fn any_truncation_is_found(seed in 0u64..50, place in any::<u64>()) {
            let bytes = any_model(seed).to_bytes();
            let end = Random(place).below(bytes.len());
            let refused = matches!(Model::from_bytes(&bytes[..end]), Err(Error::BadFile { .. }));
            prop_assert!(refused, "{} of {} bytes", end, bytes.len());
        }

        #[test]
        fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Model::from_bytes(&bytes).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]
        #[test]
        fn forged_files_give_a_model_that_predicts_or_an_error(
            seed in 0u64..200,
            places in any::<u64>(),
            n_changes in 1usize..5,
        ) {
            let mut bytes = any_model(seed).to_bytes();
            let mut random = Random(places);
            let table = HEADER + ENTRY * n_entries(&bytes);
            for _ in 0..n_changes {
                let place = HEADER + random.below(bytes.len() - HEADER);
                // Most changes go to the sections, some to the table.
                if place >= table || random.below(8) == 0 {
                    bytes[place] = [0, 1, 2, 3, 255, bytes[place] ^ 128][random.below(6)];
                }
            }
            if random.below(8) == 0 {
                bytes.truncate(table + random.below(bytes.len() - table));
            }
            seal(&mut bytes);
            let loaded = Predictor::from_bytes(&bytes);
            // Both ways of reading find the same files sound.
            prop_assert_eq!(loaded.is_ok(), Model::from_bytes(&bytes).is_ok());
            if let Ok(predictor) = loaded {
                let row = vec![Value::Number(1.5); predictor.schema().columns.len()];
                let mut out = vec![0.0; predictor.n_outputs()];
                let _ = predictor.predict_row(&row, &mut Scratch::default(), &mut out);
            }
        }
    }

    #[test]
    fn a_file_that_ends_in_the_padding_is_refused() {
        // Found by the forgeries above: the last section would begin behind the end.
        let mut model = any_model(7);
        model.notes.clear();
        let mut bytes = model.to_bytes();
        bytes.truncate(bytes.len() - 1);
        seal(&mut bytes);
        assert!(problem(&bytes).contains("does not lie behind"), "{}", problem(&bytes));
    }

    #[test]
    fn a_file_has_the_oldest_version_that_has_what_the_model_needs() {
        use crate::net::Input;
        let needed = |model: &Model| {
            let nets = model.members.iter().filter_map(|member| match &member.part {
                Part::Net(net) => Some(net),
                _ => None,
            });
            let of_net = |net: &crate::net::Net| {
                let has_curve = net.inputs.iter().any(|i| matches!(i, Input::Curve { .. }));
                2 + u8::from(has_curve || net.layers.iter().any(|layer| layer.half))
            };
            nets.map(of_net).max().unwrap_or(1)
        };
        let mut seen = [0; 4];
        for seed in 0..200 {
            let model = any_model(seed);
            let version = model.to_bytes()[8];
            assert_eq!(version, needed(&model), "{seed}");
            seen[usize::from(version)] += 1;
        }
        assert!(seen[1] > 9 && seen[2] > 3 && seen[3] > 9, "{seen:?}");
    }

    #[test]
    fn an_older_version_has_no_newer_parts() {
        let newer = (0..200).map(any_model).find(|model| model.to_bytes()[8] == 3);
        let mut bytes = newer.expect("some model needs version 3").to_bytes();
        bytes[8] = 2;
        seal(&mut bytes);
        assert!(Model::from_bytes(&bytes).is_err());
    }

    #[test]
    fn errors_say_what_to_do() {
        let good = any_model(7).to_bytes();
        let mut newer = good.clone();
        newer[8] = 9;
        let message = problem(&newer);
        assert!(
            message.contains("version 9") && message.contains("update the program"),
            "{message}"
        );
        let message = problem(&good[..good.len() - 1]);
        assert!(
            message.contains("it should have") && message.contains("copy the file"),
            "{message}"
        );
        let mut damaged = good.clone();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        assert!(problem(&damaged).contains("section 16 is damaged"), "{}", problem(&damaged));
        assert!(problem(b"PAR1").contains("no Eyas model file"));
    }

    #[test]
    fn sections_of_newer_programs_are_skipped_if_they_may_be() {
        let model = any_model(7);
        for (id, accepted) in [(1000u64, true), (17, false), (16, false)] {
            let mut bytes = model.to_bytes();
            // The table ends at a section border, so one entry needs a border more.
            let n_entries = n_entries(&bytes);
            let entry = HEADER + ENTRY * n_entries;
            bytes.splice(entry..entry, [0; 64]);
            for index in 0..n_entries {
                let offset = HEADER + ENTRY * index + 8;
                let old = u64::from_le_bytes(bytes[offset..offset + 8].try_into().expect("eight"));
                bytes[offset..offset + 8].copy_from_slice(&(old + 64).to_le_bytes());
            }
            let added = bytes.len().next_multiple_of(64);
            bytes.resize(added + 5, 0);
            let fields = [id, added as u64, 5, xxh3_64(&[0; 5])];
            for (field, number) in fields.into_iter().enumerate() {
                bytes[entry + 8 * field..][..8].copy_from_slice(&number.to_le_bytes());
            }
            bytes[12] += 1;
            let length = (bytes.len() as u64).to_le_bytes();
            bytes[16..24].copy_from_slice(&length);
            bytes[CHECKSUM].fill(0);
            let checksum = xxh3_64(&bytes[..entry + ENTRY]).to_le_bytes();
            bytes[CHECKSUM].copy_from_slice(&checksum);
            let read = Model::from_bytes(&bytes);
            assert_eq!(read.is_ok(), accepted, "{id} {read:?}");
        }
    }
}
