"""The sentences of a discharge summary: templates by section, and the words that fill their slots.

A slot is written ``<name>``. ``<yes>`` is a code that the patient has, ``<no>`` one that the
patient does not have; the other slots draw from `POOLS` or, such as ``<he>``, follow the patient.
No template without ``<yes>`` says that the patient has anything.
"""

import re

# One section: its key, its name in capitals and as some writers shorten it.
SECTIONS = (
    ("complaint", "CHIEF COMPLAINT", "CC"),
    ("hpi", "HISTORY OF PRESENT ILLNESS", "HPI"),
    ("pmh", "PAST MEDICAL HISTORY", "PMH"),
    ("medications", "MEDICATIONS ON ADMISSION", "HOME MEDS"),
    ("family", "FAMILY HISTORY", "FH"),
    ("social", "SOCIAL HISTORY", "SH"),
    ("exam", "PHYSICAL EXAM", "PE"),
    ("results", "PERTINENT RESULTS", "LABS"),
    ("course", "HOSPITAL COURSE", "BRIEF HOSPITAL COURSE"),
    ("discharge_medications", "DISCHARGE MEDICATIONS", "MEDS ON DISCHARGE"),
    ("diagnosis", "DISCHARGE DIAGNOSIS", "FINAL DIAGNOSES"),
    ("condition", "DISCHARGE CONDITION", "CONDITION"),
    ("instructions", "DISCHARGE INSTRUCTIONS", "FOLLOW UP"),
)

HEAD = (
    "Admission Date:  <admitted>     Discharge Date:  <discharged>\n\n"
    "Date of Birth:  <born>     Sex:  <sex>\n\nService: <service>"
)

# How a history begins; the slot <list> takes "with" and codes, or nothing.
OPENINGS = (
    "The patient is <a> <years> year old <man><list> who presents to the emergency department.",
    "This is <a> <years>-year-old <man><list> who was admitted on <admitted>.",
    "<years> y/o <sex><list>, admitted to <service> for further evaluation.",
    "<title> [**Known lastname <id>**] is <a> <years> year old <man><list>, transferred from "
    "[**Hospital <id>**].",
)

# Sections whose sentences stand one a line, numbered where the mark has a number.
LISTS = {
    "pmh": "{}. ",
    "medications": "{}. ",
    "family": "",
    "exam": "",
    "results": "",
    "discharge_medications": "{}. ",
    "diagnosis": "{}. ",
}

AFFIRMED = {
    "hpi": (
        "<He> also has <yes>, followed by <consult> as an outpatient.",
        "Evaluation at an outside hospital was consistent with <yes>.",
        "<His> <relative> describes <yes> over the past <n> weeks.",
        "<yes> was diagnosed in <year>.",
        "<He> was recently treated for <yes> at [**Hospital <id>**].",
        "<He> presented to clinic on <admitted> with <yes>.",
        "<He> has known <yes>.",
        "<He> was transferred for further management of <yes>.",
    ),
    "pmh": (
        "<yes>",
        "<yes>, diagnosed <year>",
        "<yes>, followed by Dr. [**Last Name (STitle) <id>**]",
        "history of <yes>",
        "<yes>, stable",
        "<yes> (<year>)",
    ),
    "results": (
        "<imaging> <date>: findings consistent with <yes>.",
        "<imaging> <date>: changes compatible with <yes>, clinical correlation recommended.",
        "<imaging> was notable for <yes>.",
        "IMPRESSION: <yes>.",
    ),
    "course": (
        "# <yes>: <management>.",
        "<yes> was treated with <drug> with good effect.",
        "<He> was found to have <yes> and was started on <drug>.",
        "Given <yes>, the <consult> service was consulted.",
        "<yes> was managed conservatively and remained stable.",
        "The hospital course was complicated by <yes>, which improved with supportive care.",
        "With regard to <yes>, home medications were continued.",
        "<yes>: <management>.",
        "Treatment for <yes> was adjusted on hospital day <n>.",
    ),
    "diagnosis": ("<yes>", "<yes>", "<yes>", "secondary: <yes>"),
}

DENIED = {
    "hpi": (
        "<He> denies <no>.",
        "<He> denied any <no> on arrival.",
        "There was initial concern for <no>, felt to be unlikely.",
        "No history of <no>.",
        "<He> has never had <no>.",
    ),
    "pmh": ("no history of <no>", "no known <no>", "denies <no>"),
    "results": (
        "<imaging> <date>: no evidence of <no>.",
        "<imaging> was negative for <no>.",
        "No <no> is seen.",
    ),
    "course": (
        "<no> was ruled out.",
        "There was no evidence of <no>.",
        "The work up for <no> was negative.",
        "<consult> did not feel that this was <no>.",
        "Low suspicion for <no> given the benign exam.",
    ),
    "family": (
        "Mother with <no>.",
        "Father died at age <age> of <no>.",
        "Brother has <no>.",
        "Sister with <no>, otherwise healthy.",
        "Maternal grandmother had <no>.",
        "No family history of <no>.",
        "Paternal uncle with <no>.",
    ),
    "instructions": (
        "Call your doctor if you notice signs of <no>.",
        "Return to the emergency room for any symptoms of <no>.",
    ),
}

NEUTRAL = {
    "hpi": (
        "<He> was in <his> usual state of health until <n> days prior to admission.",
        "<He> saw <his> primary care physician, Dr. [**Last Name (STitle) <id>**], <n> days ago.",
        "<He> was brought in by ambulance from [**Hospital <id>**].",
        "In the emergency department initial vital signs were temp <temp>, HR <hr>, BP <bp>, "
        "RR <rr>, O2 sat <sat>% on room air.",
        "<He> received <n> liters of IV fluids and was admitted to the <service> service.",
        "<He> had been taking <his> medications as prescribed.",
        "There was no recent travel and there were no sick contacts.",
        "Of note, <he> was last hospitalized at [**Hospital <id>**] in <year>.",
        "History was obtained from the patient and <his> <relative>.",
        "Over the following <n> hours <he> called <his> <relative> for help.",
        "Review of systems was otherwise unremarkable.",
        "<He> was evaluated at [**Hospital <id>**] and transferred here for further care.",
        "At the time of my interview <he> was comfortable and able to give a full history.",
        "Outside records from [**Hospital <id>**] were requested on <admitted>.",
    ),
    "medications": (
        "<medicine> PO <frequency>",
        "<medicine> Tablet Sig: One (1) Tablet PO <frequency>",
        "<medicine> <frequency> as needed",
    ),
    "family": ("Non-contributory.", "Parents lived into their <decade>s.", "<n> healthy siblings."),
    "social": (
        "Lives with <his> <relative> in [**Location (un) <id>**].",
        "Works as a <job>.",
        "Retired <job>.",
        "Has <n> grown children.",
        "Independent in activities of daily living.",
        "Originally from [**Country <id>**].",
        "Enjoys <hobby>.",
    ),
    "exam": (
        "VS: T <temp> HR <hr> BP <bp> RR <rr> SpO2 <sat>% RA",
        "GENERAL: comfortable, in no acute distress.",
        "HEENT: sclera anicteric, mucous membranes moist, oropharynx clear.",
        "NECK: supple, JVP not elevated.",
        "CARDIAC: regular rate and rhythm, normal S1 and S2, no murmurs, rubs or gallops.",
        "LUNGS: clear to auscultation bilaterally, breathing comfortably.",
        "ABDOMEN: soft, nontender, nondistended, normoactive bowel sounds.",
        "EXTREMITIES: warm and well perfused, pulses 2+ throughout.",
        "NEURO: alert and oriented x3, cranial nerves II-XII intact, strength 5/5.",
        "SKIN: intact.",
        "Weight <weight> kg on <date>.",
    ),
    "results": (
        "<date> <time> WBC-<wbc> RBC-<rbc> Hgb-<hgb> Hct-<hct> Plt Ct-<plt>",
        "<date> <time> Glucose-<glucose> UreaN-<bun> Creat-<creat> Na-<na> K-<k> Cl-<cl> "
        "HCO3-<hco3>",
        "<date> <time> Calcium-<calcium> Phos-<k> Mg-<mg>",
        "<date> <time> PT-<pt> PTT-<ptt> INR(PT)-<inr>",
        "<date> <time> ALT-<alt> AST-<alt> AlkPhos-<plt> TotBili-<inr>",
        "ECG <date>: sinus rhythm, rate <hr>, no change from the prior tracing.",
        "<imaging> <date>: unremarkable study.",
        "Blood culture <date>: no growth to date.",
        "<date> URINE Color-Yellow Appear-Clear Sp [**Last Name (un) <id>**]-1.0<rr>",
    ),
    "course": (
        "<He> was monitored on the <service> floor and remained hemodynamically stable.",
        "The <consult> service saw the patient and recommended <plan>.",
        "Electrolytes were checked daily and repleted as needed.",
        "<drug> was continued at the home dose.",
        "Physical therapy evaluated the patient and recommended discharge <disposition>.",
        "<He> tolerated a regular diet and was ambulating <ambulation>.",
        "Subcutaneous heparin and a bowel regimen were given throughout the stay.",
        "Code status was discussed with <him> and <his> <relative> and remained full code.",
        "<medicine> <frequency> was started and titrated to effect.",
        "On hospital day <n> <he> was transferred to the <service> service.",
        "By <date> <his> vital signs had normalized with HR <hr> and BP <bp>.",
        "<imaging> was repeated on <date> and was unchanged.",
        "<His> creatinine was <creat> and hematocrit <hct> at the time of discharge.",
        "Case management arranged for services <disposition>.",
        "Fluids were given at <rate> cc per hour overnight.",
        "A family meeting was held on <date> with <his> <relative> present.",
        "Outpatient follow up with <consult> was arranged for <later>.",
    ),
    "condition": (
        "Good.",
        "Stable.",
        "Mental status: clear and coherent.",
        "Level of consciousness: alert and interactive.",
        "Activity status: ambulatory, <ambulation>.",
    ),
    "instructions": (
        "You were admitted to the hospital for further care.",
        "Please take all of your medications as prescribed.",
        "Please follow up with Dr. [**Last Name (STitle) <id>**] on <later> at <time>.",
        "Your <drug> was changed to <frequency>.",
        "Please keep all of your scheduled appointments.",
        "Weigh yourself every morning and call [**Telephone/Fax (1) <id>**] with questions.",
        "Please have your labs checked on <later>.",
        "It was a pleasure taking part in your care.",
    ),
}
NEUTRAL["discharge_medications"] = NEUTRAL["medications"]

# How the words beyond the mentions spread over the sections.
SHARES = {
    "hpi": 6,
    "medications": 3,
    "family": 1,
    "social": 2,
    "exam": 4,
    "results": 4,
    "course": 7,
    "discharge_medications": 3,
    "condition": 1,
    "instructions": 3,
}


def _either(words):
    return tuple(words.split(" | "))


def _numbers(start, stop, step=1, scale=1):
    return tuple(f"{i / scale:g}" for i in range(start, stop, step))


_MEDICINES = _either(
    "acetaminophen 650 mg | amoxicillin 500 mg | aspirin 81 mg | atenolol 25 mg | "
    "bisacodyl 10 mg | calcium carbonate 500 mg | diphenhydramine 25 mg | docusate 100 mg | "
    "famotidine 20 mg | folic acid 1 mg | furosemide 40 mg | gabapentin 300 mg | "
    "hydromorphone 2 mg | ibuprofen 400 mg | lisinopril 10 mg | lorazepam 0.5 mg | "
    "magnesium oxide 400 mg | metoprolol 50 mg | omeprazole 20 mg | ondansetron 4 mg | "
    "oxycodone 5 mg | pantoprazole 40 mg | potassium chloride 20 mEq | prednisone 10 mg | "
    "ranitidine 150 mg | senna 8.6 mg | simvastatin 40 mg | sucralfate 1 g | thiamine 100 mg | "
    "tramadol 50 mg | trazodone 50 mg | vitamin C 500 mg"
)

POOLS = {
    "age": _numbers(48, 92),
    "alt": _numbers(11, 40),
    "ambulation": _either("independently | with a walker | with assistance | without difficulty"),
    "bp": tuple(f"{high}/{low}" for high in range(104, 138, 3) for low in range(60, 84, 4)),
    "bun": _numbers(8, 20),
    "calcium": _numbers(84, 102, scale=10),
    "cl": _numbers(98, 107),
    "consult": _either(
        "Cardiology | Dermatology | Endocrinology | Gastroenterology | General surgery | "
        "Geriatrics | Hematology | Infectious disease | Nephrology | Neurology | Oncology | "
        "Ophthalmology | Orthopedics | Otolaryngology | Psychiatry | Pulmonology | "
        "Rheumatology | Urology"
    ),
    "creat": _numbers(6, 12, scale=10),
    "day": _numbers(9, 16),
    "decade": _either("70 | 80 | 90"),
    "disposition": _either("home | home with services | to rehab | to a skilled nursing facility"),
    "drug": tuple(medicine.rsplit(" ", 2)[0] for medicine in _MEDICINES),
    "frequency": _either("DAILY | BID | TID | QHS | Q6H | Q8H | every other day"),
    "glucose": _numbers(78, 126),
    "hco3": _numbers(22, 29),
    "hct": _numbers(370, 450, 7, 10),
    "hgb": _numbers(122, 152, 3, 10),
    "hobby": _either("gardening | reading | cooking | walking the dog | music | fishing | cards"),
    "hr": _numbers(58, 98),
    "id": _numbers(1, 9999, 37),
    "imaging": _either(
        "CT chest | CT head | CT abdomen and pelvis | Chest x-ray | MRI brain | "
        "Echocardiogram | Abdominal ultrasound | Plain film | MRI spine"
    ),
    "inr": _numbers(9, 13, scale=10),
    "job": _either(
        "teacher | carpenter | nurse | bus driver | bookkeeper | cook | librarian | "
        "plumber | farmer | mechanic | secretary | surveyor"
    ),
    "k": _numbers(35, 50, scale=10),
    "management": _either(
        "stable, continued on the home regimen | improved with treatment | followed by the "
        "primary team | <drug> was given | monitored closely | no change in management | will "
        "follow up as an outpatient | <drug> was held | discussed with <consult>, who agreed "
        "with the plan"
    ),
    "medicine": _MEDICINES,
    "mg": _numbers(16, 24, scale=10),
    "n": _numbers(2, 9),
    "na": _numbers(136, 145),
    "plan": _either(
        "continuing the current regimen | outpatient follow up | a trial of <drug> | "
        "supportive care | no further inpatient work up | repeat imaging in <n> weeks"
    ),
    "plt": _numbers(160, 390, 7),
    "pt": _numbers(110, 135, 3, 10),
    "ptt": _numbers(240, 340, 7, 10),
    "rate": _either("75 | 100 | 125 | 150"),
    "rbc": _numbers(410, 520, 9, 100),
    "relative": _either("daughter | son | sister | brother | spouse | niece | neighbor | cousin"),
    "rr": _numbers(12, 20),
    "sat": _numbers(95, 101),
    "service": _either("MEDICINE | SURGERY | CARDIOTHORACIC | NEUROLOGY | ORTHOPAEDICS | ONCOLOGY"),
    "temp": _numbers(968, 989, scale=10),
    "time": tuple(
        f"{hour:02d}:{minute:02d}{half}M"
        for hour in range(1, 13)
        for minute in range(0, 60, 7)
        for half in "AP"
    ),
    "wbc": _numbers(45, 105, 3, 10),
    "weight": _numbers(520, 1040, 7, 10),
    "year": _numbers(2131, 2160),
}

FEMALE = {"sex": "F", "title": "Ms.", "man": "woman", "he": "she", "him": "her", "his": "her"}
MALE = {"sex": "M", "title": "Mr.", "man": "man", "he": "he", "him": "him", "his": "his"}
for _words in (FEMALE, MALE):
    _words.update(He=_words["he"].capitalize(), His=_words["his"].capitalize())

SLOT = re.compile(r"<(\w+)>")
