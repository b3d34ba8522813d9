#!/usr/bin/env python3
"""Writes the Parquet files of this folder from cascades.csv: python3 make.py (needs pyarrow and duckdb).

They differ in the types of the columns, in the compression and in the sizes of the row groups, not in the cascades.
"""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

FOLDER = Path(__file__).parent
table = csv.read_csv(
    FOLDER / "cascades.csv",
    convert_options=csv.ConvertOptions(
        column_types={"created_at": pa.timestamp("ms"), "id": pa.int64(), "retweeted_status_id": pa.int64()},
        strings_can_be_null=False,
    ),
)
ids, roots, times, followers, texts, languages = (table[name] for name in table.column_names)
lists = pa.array([["a", "b"], None, []] * len(table), pa.list_(pa.string()))[: len(table)]
utc = times.cast(pa.timestamp("ns")).cast(pa.timestamp("ns", tz="UTC"))


def write(name, columns, **options):
    pq.write_table(pa.table(columns), FOLDER / f"{name}.parquet", **options)


# As pandas writes a data frame: nanoseconds in UTC, numbers with missing values as floating-point numbers.
write("pandas", {
    "id": ids, "retweeted_status_id": roots.cast(pa.float64()), "created_at": utc,
    "user_followers_count": followers.cast(pa.float64()), "text": texts, "lang": languages, "tags": lists,
})
# As posts of X API v1.1 with their members: texts, structures, zstd, several row groups.
user = pa.StructArray.from_arrays([followers.combine_chunks(), languages.combine_chunks()], ["followers_count", "lang"])
status = pa.StructArray.from_arrays(
    [roots.cast(pa.string()).combine_chunks()], ["id_str"], mask=roots.is_null().combine_chunks())
write("members", {
    "created_at": times.cast(pa.timestamp("us")), "id_str": ids.cast(pa.string()), "full_text": texts.dictionary_encode(),
    "user": user, "retweeted_status": status,
}, compression="zstd", row_group_size=7, data_page_version="2.0")
# Old writers: times of 96 bits, decimals, gzip, no dictionaries.
write("old", {
    "id": ids.cast(pa.decimal128(25, 0)), "root_id": roots.cast(pa.decimal128(19, 0)), "t": utc,
    "m": followers.cast(pa.decimal128(24, 2)), "msg": texts.cast(pa.binary()),
}, compression="gzip", use_deprecated_int96_timestamps=True, use_dictionary=False, store_schema=False, version="1.0")
# DuckDB: times in microseconds with a zone, unsigned ids.
with duckdb.connect() as db:
    db.execute("SET TimeZone = 'UTC'")
    db.execute(f"""COPY (
        SELECT id::UBIGINT AS tweet_id, retweeted_status_id::UBIGINT AS cid, created_at::TIMESTAMPTZ AS created_at,
               user_followers_count::UINTEGER AS m, coalesce(text, '') AS msg
        FROM read_csv('{FOLDER}/cascades.csv')
    ) TO '{FOLDER}/duckdb.parquet' (FORMAT parquet)""")
