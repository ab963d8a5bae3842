"""The demo city: agency files as agencies export them, with the truth beside them.

May import numpy, pyarrow, names and nicknames only: no other room, so that the system is tested on files it
knows nothing of. `city.make_city` is the door in; one module an agency; every assumption is in
`data/rates.csv` and `data/noise.csv`.
"""
