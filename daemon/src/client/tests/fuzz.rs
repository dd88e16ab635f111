//! Frames that were tampered with: an error or the end of the connection, and
//! nothing for anybody else.

use super::*;
use proptest::prelude::*;

/// Valid frames to begin with.
fn valid(which: usize) -> Vec<u8> {
    let header = |procedure, kind| Header {
        program: Program::REMOTE,
        version: 1,
        procedure,
        kind,
        serial: 9,
        status: Status::OK,
    };
    let console = encoded(&(domain(1), Some("serial0".to_owned()), 0));
    let (header, payload) = match which {
        0 => (header(TYPE, MessageType::CALL), Vec::new()),
        1 => (header(CONSOLE, MessageType::CALL), console),
        2 => (header(CONSOLE, MessageType::STREAM), vec![1; 40]),
        3 => (header(316, MessageType::CALL), vec![0; 8]),
        4 => (header(1, MessageType::CALL), vec![0; 8]),
        5 => (header(TYPE, MessageType::CALL_WITH_FDS), vec![0; 4]),
        6 => (Header::event(Program::KEEPALIVE, 1), Vec::new()),
        _ => (header(CONSOLE, MessageType::STREAM_HOLE), vec![0; 12]),
    };
    frame(&header, &payload).expect("small")
}

/// One fixture for all rounds.
static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let fixture = Fixture::new();
    fixture.daemon.serve(Default::default());
    fixture.release();
    fixture
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn tampered_frames_do_no_harm(
        which in proptest::collection::vec(0usize..8, 1..6),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        keep_length: bool,
    ) {
        let mut bytes: Vec<u8> = which.iter().flat_map(|which| valid(*which)).collect();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            if at > 3 || !keep_length {
                bytes[at] = value;
            }
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let mut wire = FIXTURE.client();
        // The daemon may end the connection before it has read everything.
        let _ = wire.stream.write_all(&bytes);
        let _ = wire.stream.shutdown(std::net::Shutdown::Write);
        while wire.receive().is_some() {}
        let mut other = FIXTURE.client();
        prop_assert_eq!(other.call(TYPE, &[]).value::<String>(), "Fake");
    }
}
