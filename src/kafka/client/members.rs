//! The partitions of the members of a group, as the classic protocol describes them.

/// The partitions of a topic in the assignment of a member; `None` where the bytes are no assignment.
///
/// The format is the one of the consumer protocol: a version, then topics with their partitions, then data of the assignor;
/// all numbers are big-endian.
pub(super) fn partitions(assignment: &[u8], topic: &str) -> Option<Vec<i32>> {
    let mut rest = assignment;
    take::<2>(&mut rest)?;
    let topics = i32::from_be_bytes(take(&mut rest)?);
    let mut found = Vec::new();
    for _ in 0..topics {
        let length = i16::from_be_bytes(take(&mut rest)?);
        let (name, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        rest = after;
        let count = i32::from_be_bytes(take(&mut rest)?);
        for _ in 0..count {
            let partition = i32::from_be_bytes(take(&mut rest)?);
            if name == topic.as_bytes() {
                found.push(partition);
            }
        }
    }
    Some(found)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(topics: &[(&str, &[i32])]) -> Vec<u8> {
        let mut bytes = vec![0, 1];
        bytes.extend((topics.len() as i32).to_be_bytes());
        for (name, partitions) in topics {
            bytes.extend((name.len() as i16).to_be_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend((partitions.len() as i32).to_be_bytes());
            partitions.iter().for_each(|it| bytes.extend(it.to_be_bytes()));
        }
        // No data of the assignor.
        bytes.extend((-1_i32).to_be_bytes());
        bytes
    }

    #[test]
    fn the_partitions_of_a_topic_are_read_and_other_bytes_refused() {
        let bytes = assignment(&[("a", &[4]), ("tweets", &[0, 2, 7]), ("b", &[])]);
        assert_eq!(partitions(&bytes, "tweets"), Some(vec![0, 2, 7]));
        assert_eq!(partitions(&bytes, "c"), Some(vec![]));
        assert_eq!(partitions(&assignment(&[]), "tweets"), Some(vec![]));
        for length in 0..bytes.len() - 4 {
            assert_eq!(partitions(&bytes[..length], "tweets"), None, "{length}");
        }
        assert_eq!(partitions(&[0, 0, 0, 0, 0, 1, 0xff, 0xff], "tweets"), None);
    }
}
