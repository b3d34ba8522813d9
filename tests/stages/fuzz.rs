//! The fuzz targets (tests/fuzz) on their corpora and on mutations of them by seed.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use chacha20::ChaCha8Rng;
use chacha20::rand_core::SeedableRng;

#[path = "../fuzz/mutation.rs"]
mod mutation;
#[path = "../fuzz/targets.rs"]
mod targets;

#[test]
fn every_target_holds_on_its_corpus_and_on_mutations_of_it() {
    const MUTATIONS: u64 = 10_000;
    for (name, target) in targets::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
        let mut files: Vec<_> =
            fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
        files.sort();
        let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        assert!(!corpus.is_empty(), "{name}");
        corpus.iter().for_each(|bytes| target(bytes));
        for seed in 0..MUTATIONS {
            let bytes = mutation::mutated(&corpus, &mut ChaCha8Rng::seed_from_u64(seed));
            if catch_unwind(|| target(&bytes)).is_err() {
                panic!("{name}, seed {seed}: {:?}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}
