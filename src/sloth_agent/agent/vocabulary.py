"""The words that questions share in our four languages: small ones, and everyday things."""

from typing import Final

from sloth_agent.language import Language


def listed(text: str) -> frozenset[str]:
    """Words as they stand between white space."""
    return frozenset(text.split())


# Words that say nothing about what a question is about.
SMALL_WORDS: Final = {
    Language.ENGLISH: listed(
        "a an the and or but if of in on at to for from with by as about into than then that"
        " this these those there here it its i me my we our us you your he his him she her they"
        " their them is are was were be been being am do does did doing done have has had having"
        " can could will would shall should may might must not no yes what which who whom whose"
        " when where why how much many long any some more most all each other such only also"
        " just so too very s t up out down over under between during before after please hello"
        " hi thanks tell need want get use used using happen happens know let"
        " until till while again able whats wheres hows isn't don't can't anything something now"
        " take takes i'm i'd there's what's who's where's how's go going got still"
        " currently today nowadays presently"
    ),
    Language.UKRAINIAN: listed(
        "і й та а але або чи що як яка який яке які якого якої яку яким якою якому якій яких"
        " якими де коли хто кого кому ким чому куди звідки скільки це цей ця ці цього цієї цьому"
        " той та те ті того тієї тому в у на до з із зі за по про для від під над при між через"
        " без після перед протягом не ні так є був була було були бути буде будуть я мене мені"
        " ми нас нам ви вас вам ваш ваша ваше ваші він вона воно вони його її їх їм свій своя"
        " своє свої свою себе мій моя моє можна може можу можуть треба потрібно ще вже також"
        " лише тільки б би же ж чого чим чий чия який-небудь котрий котра котрої котрій котру"
        " доброго дня"
        " потрібен потрібна потрібне потрібні якщо то ніж має мають"
        " зможу зможете можете можеш хочу хотів хотіла хотіли собою будь станеться робити тут там"
        " ласка скажіть підкажіть цікавить зараз сьогодні наразі нині тепер"
    ),
    Language.POLISH: listed(
        "i a o u w z we ze na do od po za przy dla bez nad pod przez przed między oraz lub albo"
        " ale czy co kto kogo komu kim czym czego jak jaki jaka jakie jakiego jakiej jaką jakim"
        " jakich jakimi jakiemu który która które którego której którą którym których gdzie"
        " kiedy skąd dokąd dlaczego ile ilu to ten ta te tego tej tym tych tą nie tak jest są"
        " był była było były być będzie będą się mnie mi my nas nam wy was wam pan pani państwo"
        " on ona ono oni one jego jej ich im swój swoja swoje swoją ja mój moja moje mogę można"
        " może mam masz ma mają już też także tylko jeszcze niż że by"
        " trzeba należy chcę sposób"
        " ktoś coś jakiś jakaś jakieś mogą możecie macie mamy chciałbym chciałabym proszę"
        " jeśli jeżeli gdy stanie dzieje tu tam u"
        " teraz dziś dzisiaj obecnie aktualnie"
    ),
    Language.GERMAN: listed(
        "der die das den dem des ein eine einen einem einer eines und oder aber in im an am auf"
        " aus bei beim mit nach von vom vor zu zum zur für über unter durch gegen ohne um bis"
        " seit zwischen während als wie was wer wen wem wessen wann wo wohin woher warum wieso"
        " welche welcher welches welchen welchem viel viele lange ich mich mir du sie er es wir"
        " uns ihr ihnen ihre ihren ihrem ihrer sein seine seinen seinem seiner sich man ist sind"
        " war waren wird werden wurde wurden worden bin hat haben hatte hatten kann können"
        " konnte konnten muss müssen darf dürfen soll sollen will wollen nicht kein keine ja"
        " nein auch nur noch schon so dass dieser diese dieses diesen diesem es gibt gab bitte"
        " mein meine meinen meinem meiner"
        " habt seid ihr euch euer eure euren eurem eurer wieder ab ohne werdet könnt möchte"
        " brauche braucht bieten bietet wenn falls passiert geschieht dann hier da dort mal doch"
        " jetzt heute gerade zurzeit derzeit momentan aktuell noch etwas"
    ),
}

# Said of the present in several words; a question asked now means now in any case.
PRESENT: Final = (
    r"at the moment|right now|for now|(?:in )?these days|at present"
    r"|на даний момент|на цей момент|у цей час|цими днями"
    r"|w tej chwili|na tę chwilę|w tych dniach"
    r"|im moment|zur zeit|im augenblick|in diesen tagen"
)

# A pattern for what follows or precedes an amount of money.
CURRENCY: Final = (
    r"(?:[€$£₴]|\b(?:zł|zlotys?|złot\w+|uah|hryvnia\w*|грн|гривн\w*|гривень|злот\w+|eur|euros?|євро|usd"
    r"|dollars?|долар\w*|dolar\w*|pln|chf|gbp|pounds?|cents?)\b)"
)

# After one of these stands not what is asked about, but where, when or with whom; what a price is
# asked "for" is what is asked about.
PREPOSITIONS: Final = {
    Language.ENGLISH: listed(
        "in on at to from with by about into under between during before after without near"
    ),
    Language.UKRAINIAN: listed(
        "в у на до з із зі по про від під над при між через без після перед протягом для"
    ),
    Language.POLISH: listed("w we z ze na do od po przy dla bez nad pod przez przed między u"),
    Language.GERMAN: listed(
        "in im an am auf aus bei beim mit nach von vom vor zu zum zur über unter durch gegen ohne"
        " um bis seit zwischen während"
    ),
}

FOR: Final = frozenset(("for", "für", "dla", "для"))

# Everyday things of any firm by the beginnings of their names, so that a question in one language
# finds its answer in another. One line is one thing; this is not a dictionary of any trade.
EVERYDAY_THINGS: Final = """
price cost fee tariff ціна ціни цін вартіст кошту тариф cena ceny kosztu opłat preis kost gebühr
duration тривал трива trwa czas dauer
open opening відкри відчин працює графік otwar czynn pracuj geöffnet öffnung offen sprechzeit
closed close вихідн зачинен закрит zamkn nieczynn geschlossen ruhetag
address located find street адрес знаходит вулиц вул adres znajduj ulic standort straße strasse
phone call number телефон дзвон номер telefon dzwon numer anruf nummer
mail email пошт mail poczt
appointment booking book visit запис візит бронюв прийом wizyt rezerw umówi termin buch besuch
cancel скасу відмін odwoł anulow absag storn
pay paid payment оплат плат płac zapłac płatno zahl bezahl
card картк kart karte
cash готівк gotówk bargeld bar
park паркув парков parking parkow zaparkow park
voucher gift сертифікат подарунк podarunk voucher gutschein geschenk
discount знижк zniżk rabat rabatt ermäßig
free безкоштовн безплатн bezpłatn darmow kostenlos gratis
deposit prepayment передоплат завдат zadat zaliczk anzahlung kaution
refund return поверн поверт zwrot rückerstatt erstatt
delivery deliver достав dostaw liefer
invoice рахунок рахунк faktur rechnung
child children kid дитин дітей дітьм діти dzieck dzieci kind kinder
woman women жінк жіноч kobiet damsk frau damen
man men чолов mężczyzn męsk mann männer herren
student студент student
pensioner senior пенсіон emeryt rentner
dog puppy pet animal соба песик пес твар улюбл pies psa psem psy zwier hund tier haustier
cat kitten pet animal кіт кота котом кішк твар улюбл kot kota kotem kotk zwier katze tier haustier
pet animal твар улюбл zwier tier haustier
elevator lift ліфт winda windy windę windą aufzug fahrstuhl
internet wifi wi-fi wlan online інтернет онлайн zoom
toilet restroom туалет вбиральн toalet toilett wc
rental hire оренд прокат wypożycz wynaj najem miet leih verleih
repair fix mend ремонт полагод napraw repar
guarantee warranty гаранті gwaranc garanti
delay запізн спізн spóźn spozn opóźn verspät
theft steal stolen крад викра kradz ukrad diebstahl gestohl
age вік віку wiek mindestalter
founded founder established заснува założy zalozy gegründet gründ
director manager boss директор керів dyrektor kierown leiter leitet leitung direktor
teacher teach викладач вчитель навчає nauczyc uczy lehrer unterricht dozent
damage broken пошкод зламан uszkodz zepsut schaden schäden beschäd kaputt
complaint скарг реклам reklamac skarg beschwerde reklamation
smoke smoking палит курит куріння pali rauch
eat food meal feed їсти їжа їжте харч годува jeść jedze posił karmi speise mahlz essen fresse fütter
drink напо пити pić napó trink getränk
breakfast сніданок сніданк śniada frühstück
bus автобус autobus
tram трамвай tramwaj straßenbahn
train поїзд потяг pociąg zug
bicycle bike велосипед rower fahrrad
car автомобіл авто машин samoch auto
trial пробн próbn probe schnupper
collect pickup pick забрати забер odebra odbi abhol
certificate diploma сертифікат диплом certyfikat dyplom zertifikat
member membership членств członk mitglied
ticket квиток квитк абонемент bilet karnet fahrkarte eintrittskarte
weekend вихідні weekend wochenende
holiday свят święt feiertag
size розмір rozmiar wielkość größe
colour color колір кольор kolor farbe
weight вага ваги waga wagi gewicht
registration enrol реєстр rejestr anmeld
queue wait черг чека kolejk czeka warte
urgent emergency термінов невідклад nagł piln notfall dringend
instalment розстроч raty ratach raten
passport identity паспорт посвідч paszport dowód ausweis reisepass
wheelchair disabled інвалід niepełnospraw wózk rollstuhl barrierefrei behindert
receipt чек квитанц paragon quittung
room кімнат pokój pokoj zimmer
shower душ prysznic dusche
key ключ klucz schlüssel
luggage baggage багаж bagaż gepäck koffer
clean wash чист мит sprząt czyszcz myci reinig wasch putz
vegetarian vegan вегет веган weget wegań vegetar
allergy алерг alerg allerg
password парол hasło passwort kennwort
contract договір договор umow vertrag
exam іспит екзамен egzamin prüfung
group груп grup gruppe
summer літо літа влітку lato latem sommer
winter зима взимку zima zimą
owner власни właścic inhaber eigentüm besitz
staff employee team працівник персонал команд pracown personel zespół mitarbeit personal
service послуг usług leistung dienst
doctor лікар lekarz arzt ärzt
lesson course урок занят курс lekcj zajęc kurs unterricht
insurance страхув ubezpiecz versicher
language мова мову мови język sprach
speak говор розмовля mówi sprech spricht
entrance вхід входу wejści eingang
station вокзал станц dworzec dworca bahnhof
birthday народження urodzin geburtstag
year рік рок році років rok roku lat lata jahr
month місяц miesiąc miesięc monat
week тижд тижн tydzień tygod woche
hour годин godzin stunde
minute хвилин minut
water вода води воду woda wody wasser
january січ stycz januar
february лют luty lutego februar
march берез marzec marca märz
april квіт kwiecień kwietnia april
may трав maj maja mai
june черв czerw juni
july лип lipiec lipca juli
august серп sierp august
september верес wrzes września september
october жовт paźdz oktober
november листопад listopad november
december груд grudz grudn dezember
monday mon понеділ пн poniedz pon montag mo
tuesday tue вівтор вт wtor wt dienstag
wednesday wed середа середу середи ср środ mittwoch
thursday thu четвер чт czwart czw donnerstag
friday fri пятниц пт piąt pt freitag fr
saturday sat субот сб sobot sob samstag sonnabend
sunday sun неділ нд niedz sonntag
"""
