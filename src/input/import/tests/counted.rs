//! What is refused, replaced or used once is counted; tests only.

#[cfg(test)]
mod tests {
    use super::super::*;
    use crate::replay::testing::Folder;

    #[test]
    fn a_cascade_line_that_occurs_twice_is_used_once() {
        let line = |cid: u32| format!("c{cid}\tu\t1464710400\t3\tu:0 u/v:31 u/w:40 u/v/x:88\n");
        let text = [line(1), line(1), line(2), line(1)].concat();
        let folder = Folder::new();
        let (cascades, refused, notes) = read(folder.file("weibo", text), None);
        let sizes: Vec<_> = cascades.iter().map(|it| (&*it.cid, it.points.len())).collect();
        assert_eq!((sizes, refused), (vec![("c1", 4), ("c2", 4)], vec![]));
        assert_eq!(notes[2..], ["2 cascades occur twice; the first is used"]);
    }

    #[test]
    fn an_original_without_followers_is_counted_unless_another_copy_has_them() {
        let repost = |id: u32, of: u32, user: &str| {
            format!(
                r#"{{"id_str":"{id}","created_at":"Wed Oct 10 20:01:00 +0000 2018","user":{{"followers_count":5}},"retweeted_status":{{"id_str":"{of}","created_at":"Wed Oct 10 20:00:00 +0000 2018"{user}}}}}"#
            )
        };
        let with = r#","user":{"followers_count":7}"#;
        let lines =
            [repost(1, 100, ""), repost(2, 100, with), repost(3, 100, ""), repost(4, 200, "")];
        let folder = Folder::new();
        let (cascades, _, notes) = read(folder.file("posts", lines.join("\n")), None);
        let marks: Vec<_> = cascades.iter().map(|it| (&*it.cid, it.points[0].magnitude)).collect();
        assert_eq!(marks, [("100", 7.0), ("200", 1.0)]);
        let counted = "the roots of 2 cascades; 1 of these have no number of followers, so that their mark is 1";
        assert!(notes.iter().any(|it| it.contains(counted)), "{notes:?}");
        // On a stream the first copy is used.
        let (mut cascader, mut out) =
            (Cascader::new(PostFormat::XV11, MissingRoot::Embedded, true), Vec::new());
        lines.iter().for_each(|line| cascader.read(line, &mut out).unwrap());
        let summary = cascader.summary();
        assert!(summary.iter().any(|it| it.contains("2 of these have no number")), "{summary:?}");
    }

    #[test]
    fn an_invalid_entry_of_a_page_refuses_the_posts_that_need_it_only() {
        let post = |id: u32, author: &str| {
            format!(r#"{{"id":"{id}","created_at":"2018-10-10T20:00:00Z","author_id":"{author}"}}"#)
        };
        let user = |id: &str, count: i32| {
            format!(r#"{{{id}"public_metrics":{{"followers_count":{count}}}}}"#)
        };
        let users = [user("", 1), user(r#""id":"a","#, 7), user(r#""id":"b","#, -1)].join(",");
        let data = [post(1, "a"), post(2, "b"), post(3, "c")].join(",");
        let line = format!(
            r#"{{"data":[{data}],"includes":{{"users":[{users}],"tweets":[{{"text":"x"}}]}}}}"#
        );
        let mut marks = Vec::new();
        let read = Importer::new(PostFormat::XV2, true)
            .read(&line, &mut |post| marks.push((post.id.to_string(), post.followers)));
        assert_eq!(marks, [("1".to_owned(), Some(7.0)), ("3".to_owned(), None)]);
        let error = "post 2 of 3: followers_count is not from 0 to 1e12: -1";
        assert_eq!(read.unwrap_err().detail, error);
    }

    #[test]
    fn every_invalid_element_of_an_array_is_counted() {
        let good = r#"{"id_str":"1","created_at":"Wed Oct 10 20:00:00 +0000 2018","user":{}}"#;
        let bad = r#"{"id_str":"2","created_at":"soon"}"#;
        for is_ordered in [true, false] {
            let mut importer = Importer::new(PostFormat::XV11, is_ordered);
            let mut read = |line: String| {
                let mut count = 0;
                let refused = importer.read(&line, &mut |_| count += 1);
                (count, refused.err().map(|it| it.detail).unwrap_or_default())
            };
            let why = "created_at is not a time: \"soon\"";
            let one = format!("element 2 of 3: {why}");
            assert_eq!(read(format!("[{good},{bad},{good}]")), (2, one.clone()));
            let more = format!("{one}; 1 more elements of the line were refused");
            assert_eq!(read(format!("[{good},{bad},{bad}]")), (1, more));
            assert_eq!(read(format!("[{bad}]")), (0, why.to_owned()));
        }
    }
}
