"""Makes the database that datasette shows."""

import sqlite3

with sqlite3.connect("shop.db") as database:
    database.execute("create table goods (id integer primary key, name text, price real)")
    database.executemany(
        "insert into goods (name, price) values (?, ?)", [(f"thing {number} <ä>", number / 4) for number in range(2500)]
    )
