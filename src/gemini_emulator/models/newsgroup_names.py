"""Public names of newsgroups that the embedded base model knows: many more than the twenty."""

from __future__ import annotations

_TEXT = """
alt.atheism alt.folklore.computers alt.folklore.urban alt.sports.baseball alt.autos alt.security
comp.ai comp.arch comp.databases comp.dcom.modems comp.graphics comp.graphics.animation
comp.lang.c++ comp.lang.fortran comp.lang.lisp comp.lang.perl comp.mail comp.os.ms-windows.misc
comp.os.os2.misc comp.os.linux comp.protocols.tcp-ip comp.risks comp.security.misc
comp.sys.amiga.hardware comp.sys.ibm.pc.hardware comp.sys.mac.hardware comp.sys.sun.hardware
comp.text.tex comp.unix.questions comp.windows.x misc.consumers misc.education misc.fitness
misc.forsale misc.invest misc.jobs.offered misc.kids misc.legal rec.antiques rec.arts.books
rec.arts.movies rec.arts.sf.misc rec.audio rec.autos rec.autos.antique rec.autos.driving
rec.autos.sport rec.autos.tech rec.aviation rec.backcountry rec.bicycles.misc rec.birds rec.boats
rec.collecting rec.crafts.brewing rec.equestrian rec.food.cooking rec.games.chess rec.gardens
rec.guns rec.humor rec.models.rockets rec.motorcycles rec.motorcycles.harley rec.motorcycles.racing
rec.music.misc rec.pets.cats rec.pets.dogs rec.photo rec.radio.amateur.misc rec.railroad rec.running
rec.scuba rec.skiing rec.sport.baseball rec.sport.basketball.pro rec.sport.cricket
rec.sport.football.pro rec.sport.golf rec.sport.hockey rec.sport.olympics rec.sport.soccer
rec.sport.swimming rec.sport.tennis rec.travel rec.video rec.woodworking sci.aeronautics
sci.anthropology sci.archaeology sci.astro sci.bio sci.chem sci.cognitive sci.crypt sci.econ
sci.electronics sci.energy sci.engr sci.environment sci.geo.geology sci.lang sci.logic sci.materials
sci.math sci.med sci.med.nutrition sci.military sci.misc sci.nanotech sci.optics sci.philosophy
sci.physics sci.psychology sci.research sci.skeptic sci.space sci.space.shuttle sci.stat
soc.culture.usa soc.history soc.motss soc.religion.christian soc.religion.eastern soc.women
talk.abortion talk.environment talk.origins talk.politics.guns talk.politics.mideast
talk.politics.misc talk.politics.space talk.religion.misc talk.rumors
"""

NEWSGROUPS: tuple[str, ...] = tuple(_TEXT.split())
