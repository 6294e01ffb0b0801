"""Range ses bouteilles. Veut CHOWN ; sinon le dit avec les mots de la bibliothèque C, dans sa langue, et continue."""

import locale
import os
import threading
from pathlib import Path

locale.setlocale(locale.LC_ALL, "")
Path("/srv/cave").mkdir()
try:
    os.chown("/srv/cave", 33, 33)
except OSError as erreur:
    print(f"cave : le casier reste à root ({os.strerror(erreur.errno or 0).lower()})", flush=True)
threading.Event().wait()
