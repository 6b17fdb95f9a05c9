"""The ways a clinician writes a code: its title, abbreviations, synonyms, other word order."""

import re

# The codes of everyday hospital work, the most frequent first, with what notes say for them.
EVERYDAY = {
    "I10": ("hypertension", "HTN", "high blood pressure", "elevated blood pressures"),
    "E78.5": ("hyperlipidemia", "HLD", "dyslipidemia", "elevated lipids"),
    "N17.9": ("acute kidney injury", "AKI", "acute renal failure", "ARF"),
    "I48.91": ("atrial fibrillation", "afib", "AF", "irregular heart rhythm"),
    "J18.9": ("pneumonia", "PNA", "lung infection", "lobar consolidation"),
    "E11.9": ("type 2 diabetes", "DM2", "NIDDM", "T2DM", "adult onset diabetes"),
    "K21.9": ("GERD", "acid reflux", "reflux disease", "gastroesophageal reflux"),
    "I50.9": ("CHF", "congestive heart failure", "heart failure"),
    "F32.A": ("depression", "depressive disorder", "low mood"),
    "N39.0": ("urinary tract infection", "UTI", "urine infection"),
    "D64.9": ("anemia", "low hematocrit", "low blood count"),
    "J44.9": ("COPD", "chronic obstructive pulmonary disease", "chronic airway obstruction"),
    "I25.10": ("coronary artery disease", "CAD", "coronary disease", "ischemic heart disease"),
    "G47.33": ("obstructive sleep apnea", "OSA", "sleep apnea"),
    "A41.9": ("sepsis", "septicemia", "septic picture"),
    "M81.0": ("osteoporosis", "brittle bones", "low bone density"),
    "R55": ("syncope", "fainting spell", "collapse", "passing out"),
    "E03.9": ("hypothyroidism", "underactive thyroid", "low thyroid function"),
    "Z87.891": ("former smoker", "ex-smoker", "remote tobacco use", "quit smoking years ago"),
    "L03.90": ("cellulitis", "skin infection"),
    "C61": ("prostate cancer", "prostate CA", "prostatic adenocarcinoma"),
    "S72.001A": ("hip fracture", "hip fx", "broken hip", "femoral neck fracture"),
    "H40.9": ("glaucoma", "raised intraocular pressure"),
    "Z95.1": ("prior CABG", "s/p CABG", "coronary bypass grafts", "bypass surgery"),
    "E87.1": ("hyponatremia", "low sodium", "hypoosmolality"),
    "I63.9": ("CVA", "stroke", "ischemic stroke", "cerebral infarct"),
    "J96.01": ("acute hypoxic respiratory failure", "hypoxemic respiratory failure"),
    "N18.9": ("CKD", "chronic kidney disease", "chronic renal insufficiency", "CRI"),
    "F41.9": ("anxiety", "anxiety disorder", "nervousness"),
    "K57.30": ("diverticulosis", "diverticular disease", "colonic diverticula"),
    "D69.6": ("thrombocytopenia", "low platelets"),
    "M10.9": ("gout", "gouty attacks"),
    "G40.909": ("epilepsy", "seizure disorder", "known seizures"),
    "B20": ("HIV", "HIV disease", "AIDS"),
    "C34.90": ("lung cancer", "lung CA", "bronchogenic carcinoma"),
    "R41.82": ("altered mental status", "AMS", "change in mental status"),
    "I21.4": ("NSTEMI", "non ST elevation MI", "non-STEMI"),
    "J45.909": ("asthma", "reactive airways"),
    "Z79.4": ("insulin use", "on insulin", "insulin requiring"),
    "N40.0": ("BPH", "enlarged prostate", "prostatic hypertrophy"),
    "K92.2": ("GI bleed", "GIB", "gastrointestinal bleeding"),
    "E66.9": ("obesity", "obese habitus", "excess body weight"),
    "F17.210": ("tobacco abuse", "current smoker", "cigarette smoking"),
    "H26.9": ("cataracts", "clouded lens"),
    "L89.90": ("decubitus ulcer", "bedsore", "pressure sore"),
    "I26.99": ("pulmonary embolism", "PE", "clot in the lung"),
    "M19.90": ("osteoarthritis", "OA", "DJD", "degenerative joint disease"),
    "C50.919": ("breast cancer", "breast CA", "mammary carcinoma"),
    "D50.9": ("iron deficiency anemia", "IDA", "low iron stores"),
    "S06.5X0A": ("subdural hematoma", "SDH", "traumatic subdural"),
    "E87.6": ("hypokalemia", "low potassium"),
    "F10.20": ("alcohol dependence", "etoh abuse", "alcoholism", "heavy drinking"),
    "K74.60": ("cirrhosis", "end stage liver disease", "ESLD"),
    "R07.9": ("chest pain", "CP", "chest discomfort"),
    "I82.409": ("DVT", "deep vein thrombosis", "clot in the leg"),
    "J90": ("pleural effusion", "fluid around the lung"),
    "N18.6": ("ESRD", "end stage renal disease", "dialysis dependence"),
    "G20.A1": ("Parkinson's disease", "PD", "parkinsonism"),
    "B18.2": ("hepatitis C", "HCV", "chronic hep C"),
    "C18.9": ("colon cancer", "colon CA", "colorectal malignancy"),
    "F03.90": ("dementia", "chronic memory loss", "cognitive decline"),
    "E86.0": ("dehydration", "volume depletion", "poor oral hydration"),
    "K80.20": ("gallstones", "cholelithiasis", "stones in the gallbladder"),
    "I73.9": ("PVD", "peripheral vascular disease", "PAD", "peripheral arterial disease"),
    "M54.50": ("low back pain", "LBP", "lumbago"),
    "Z95.0": ("pacemaker", "PPM", "permanent pacer"),
    "A04.72": ("C diff", "C. difficile colitis", "C. diff infection"),
    "N20.0": ("kidney stones", "nephrolithiasis", "renal calculi"),
    "G43.909": ("migraine", "migraines", "migraine headaches"),
    "D72.829": ("leukocytosis", "elevated white count"),
    "E87.5": ("hyperkalemia", "high potassium"),
    "I35.0": ("aortic stenosis", "aortic valve stenosis", "narrowed aortic valve"),
    "L40.9": ("psoriasis", "psoriatic plaques"),
    "R33.9": ("urinary retention", "inability to void"),
    "K59.00": ("constipation", "infrequent hard stools"),
    "F31.9": ("bipolar disorder", "bipolar", "manic depression"),
    "J69.0": ("aspiration pneumonia", "aspiration event", "aspiration pneumonitis"),
    "M06.9": ("rheumatoid arthritis", "RA"),
    "H91.90": ("hearing loss", "hard of hearing", "HOH"),
    "C90.00": ("multiple myeloma", "myeloma", "MM"),
    "R13.10": ("dysphagia", "trouble swallowing"),
    "K56.609": ("bowel obstruction", "SBO", "intestinal obstruction"),
    "E55.9": ("vitamin D deficiency", "low vitamin D"),
    "I95.9": ("hypotension", "low blood pressure"),
    "G62.9": ("neuropathy", "polyneuropathy", "numb feet"),
    "K85.90": ("acute pancreatitis", "inflamed pancreas"),
    "F20.9": ("schizophrenia", "chronic psychosis"),
    "E46": ("malnutrition", "poor nutritional status"),
    "B37.0": ("oral thrush", "thrush", "oral candidiasis"),
    "M32.9": ("lupus", "SLE", "systemic lupus"),
    "R50.9": ("fever", "febrile illness", "high temperatures"),
    "E05.90": ("hyperthyroidism", "overactive thyroid"),
    "C92.00": ("AML", "acute myeloid leukemia"),
    "D68.9": ("coagulopathy", "bleeding diathesis"),
    "F43.10": ("PTSD", "post traumatic stress"),
    "D57.1": ("sickle cell disease", "sickle cell anemia"),
}

SYNONYMS = {
    "secondary malignant neoplasm": ("metastasis", "mets"),
    "malignant neoplasm": ("cancer", "malignancy", "CA"),
    "benign neoplasm": ("benign tumor", "benign mass"),
    "carcinoma in situ": ("CIS", "in situ cancer"),
    "neoplasm": ("tumor",),
    "carcinoma": ("CA",),
    "atrial fibrillation": ("afib", "AF"),
    "chronic kidney disease": ("CKD", "chronic renal insufficiency"),
    "chronic obstructive pulmonary disease": ("COPD",),
    "heart failure": ("CHF", "HF"),
    "coronary artery disease": ("CAD",),
    "atherosclerotic heart disease": ("CAD",),
    "deep vein thrombosis": ("DVT",),
    "diabetes mellitus": ("diabetes", "DM"),
    "gastro-esophageal reflux disease": ("GERD",),
    "gastroesophageal reflux disease": ("GERD",),
    "human immunodeficiency virus": ("HIV",),
    "hypertension": ("HTN",),
    "hypertensive": ("HTN related",),
    "myocardial infarction": ("MI", "heart attack"),
    "pulmonary embolism": ("PE",),
    "urinary tract infection": ("UTI",),
    "peripheral vascular disease": ("PVD",),
    "respiratory failure": ("resp failure",),
    "gastrointestinal": ("GI",),
    "hemorrhage": ("bleed", "bleeding"),
    "hemorrhagic": ("bleeding",),
    "personal history": ("history", "hx", "prior history"),
    "family history": ("family hx",),
    "history": ("hx",),
    "acquired absence": ("surgical absence", "prior resection"),
    "presence": ("status post placement",),
    "rheumatoid arthritis": ("RA",),
    "systemic lupus erythematosus": ("SLE", "lupus"),
    "tuberculosis": ("TB",),
    "pneumonia": ("PNA",),
    "fracture": ("fx",),
    "calculus": ("stone",),
    "calculi": ("stones",),
    "stenosis": ("narrowing",),
    "obstruction": ("blockage",),
    "embolism": ("embolus",),
    "thrombosis": ("clot",),
    "edema": ("swelling",),
    "hypertrophy": ("enlargement",),
    "cerebral": ("brain",),
    "cardiac": ("heart",),
    "hepatic": ("liver",),
    "gastric": ("stomach",),
    "renal": ("kidney",),
    "kidney": ("renal",),
    "pulmonary": ("lung",),
    "lung": ("pulmonary",),
    "cutaneous": ("skin",),
    "ocular": ("eye",),
    "intestinal": ("bowel",),
    "intestine": ("bowel",),
    "esophageal": ("gullet",),
    "uterine": ("womb",),
    "ulcer": ("ulceration",),
    "infection": ("infxn",),
    "infectious": ("infective",),
    "disorder": ("problem", "disease"),
    "disorders": ("problems",),
    "disease": ("dz",),
    "diseases": ("conditions",),
    "deficiency": ("def", "low level"),
    "chronic": ("longstanding",),
    "acute": ("sudden",),
    "recurrent": ("repeated",),
    "congenital": ("from birth",),
    "malformation": ("defect", "anomaly"),
    "inflammatory": ("inflamed",),
    "abnormal": ("irregular",),
    "laceration": ("cut",),
    "contusion": ("bruise",),
    "dislocation": ("dislocated joint",),
    "dependence": ("addiction",),
    "insufficiency": ("failure",),
    "neuropathy": ("nerve damage",),
    "pain": ("ache",),
    "rupture": ("tear",),
    "enlarged": ("big",),
    "paralysis": ("palsy",),
    "syndrome": ("synd",),
    "exacerbation": ("flare",),
    "bilateral": ("b/l",),
    "lower extremity": ("leg",),
    "upper extremity": ("arm",),
    "due to": ("2/2", "secondary to"),
    "type 1": ("type I",),
    "type 2": ("type II",),
    "without": ("w/o",),
    "with": ("w/",),
}

_BRACKETED = re.compile(r"\s*[\[(][^\])]*[\])]")
_QUALIFIER = re.compile(
    r"(, )?\b((site )?unspecified( (site|organism|trimester|eye|ear|severity))?|site not specified"
    r"|not otherwise specified|not elsewhere classified|in diseases classified elsewhere"
    r"|initial encounter( for (closed|open) fracture)?|uncomplicated"
    r"|without (mention of )?complications?)\b",
    re.IGNORECASE,
)
_SYNONYM = re.compile(
    r"\b(" + "|".join(sorted(map(re.escape, SYNONYMS), key=len, reverse=True)) + r")\b",
    re.IGNORECASE,
)
_FEW_WORDS = r"([^\s,]+(?: [^\s,]+){0,2})"
_INVERTED = (
    re.compile(rf"^{_FEW_WORDS} of (?:the |a )?{_FEW_WORDS}$"),
    re.compile(rf"^([^,]+), {_FEW_WORDS}$"),
)
_MOST = 8


def ways_to_write(titles):
    """
    Return the ways to write each code, so that none means two codes.

    Parameters
    ----------
    titles : dict of str to str
        From each code to its title; of two codes the first keeps a way that both have.

    Returns
    -------
    ways : dict of str to list of str
        For each code at most eight, the usual ones first; one of them is the title.
    """
    written = {code: _in_running_text(title) for code, title in titles.items()}
    ways = {code: _ways(code, title) for code, title in written.items()}
    owners = {title.lower(): code for code, title in written.items()}
    for code, some in ways.items():
        for way in some:
            owners.setdefault(way.lower(), code)
    return {
        code: [way for way in some if way == written[code] or owners[way.lower()] == code]
        for code, some in ways.items()
    }


def _ways(code, title):
    plain = _without_qualifiers(title)
    first, last = _swap(plain, 0), _swap(plain, -1)
    everyday = EVERYDAY.get(code, ())
    all_ways = [*everyday, plain, first, _reorder(plain), last]
    all_ways += [_reorder(first), _reorder(last)]
    distinct = list({way.lower(): way for way in all_ways if way.lower() != title.lower()}.values())
    place = len(everyday) if title == plain else len(distinct)
    distinct.insert(min(place, _MOST - 1), title)
    return distinct[:_MOST]


def _in_running_text(title):
    """Lower the first letter of an ordinary word: "Acute pain" but "HIV" and "Crohn's"."""
    first = title.split(" ", 1)[0]
    ordinary = first[1:].islower() and "'" not in first
    return title[:1].lower() + title[1:] if ordinary else title


def _without_qualifiers(title):
    plain = _QUALIFIER.sub("", _BRACKETED.sub("", title))
    return " ".join(plain.split()).strip(", ") or title


def _swap(phrase, pick):
    """Write each term of the table in its first (0) or last (-1) other way."""
    return _SYNONYM.sub(lambda term: SYNONYMS[term[0].lower()][pick], phrase)


def _reorder(phrase):
    """Write "abscess of liver" as "liver abscess" and "cystitis, acute" as "acute cystitis"."""
    for pattern in _INVERTED:
        match = pattern.match(phrase)
        if match:
            return f"{match[2]} {match[1]}"
    return phrase
