"""What the sentence rules must know of each language: its commonest words, its calendar.

The words are the small ones that open sentences and name nothing: articles, pronouns,
prepositions, question words, polite verbs. They tell languages apart, and a capitalised one after
a doubtful full stop tells a new sentence from a name. Collected for this module, by language tag.
"""

import re
from functools import lru_cache
from struct import Struct

WORDS: dict[str, frozenset[str]] = {
    tag: frozenset(words.split())
    for tag, words in {
        "en": """the a an and or but if in on at to of for with from by as is are was were be
            been it its this that these those you your yours we our they their he she his her my
            me us who what when where why how which there here not no yes do does did can could
            will would should have has had may might must please thanks thank let then than so
            also just once after before until while since because although however therefore
            otherwise finally next now all any each every some most many more both either
            neither another feel make try use check call send tell ask bring take keep add
            remember note sorry sure okay ok great good it's that's you'll you're we'll we're
            i'll i'm don't can't there's here's what's let's unless instead once bake heat mix
            stir serve click go other others our only never always again enjoy pay pick choose
            leave wait need enter select press write visit reply perhaps during through without such
            i've i'd you've he's she's they're isn't doesn't didn't won't get see""",
        "de": """der die das den dem des ein eine einen einem einer eines und oder aber wenn in im
            am an auf zu zum zur von vom für mit bei beim aus nach über unter vor seit bis durch um
            ist sind war waren wird werden wurde hat haben hatte kann können soll sollte muss müssen
            darf möchten ich du er sie es wir ihr ihnen ihre ihren ihrem ihrer mein dein sein unser
            nicht kein keine auch noch nur schon sehr so wie was wer wo wann warum welche welcher
            dieser diese dieses hier dort dann danach dazu damit dafür dabei davon deshalb trotzdem
            außerdem falls sobald solange weil dass ob als bitte danke gerne gern ja nein leider
            bringen nehmen geben rufen schicken melden achten vielen alle alles jeder jede jetzt
            heute morgen gestern zuerst zunächst anschließend schließlich ansonsten sonst haben""",
        "nl": """de het een en of maar als in op aan te van voor met bij uit naar over onder door om
            tot is zijn was waren wordt worden heeft hebben had kan kunt kunnen zal zullen moet
            moeten mag ik jij je u hij zij ze wij we jullie mijn jouw uw ons onze niet geen ook nog
            alleen al heel zo hoe wat wie waar wanneer waarom welke deze dit die dat hier daar er
            dan daarna dus want omdat zodra terwijl indien graag bedankt dank helaas ja nee laat
            neem bel stuur vergeet let kijk gebruik eerst daarnaast anders gelukkig vandaag morgen
            wilt heb hebt krijgt kies vul klik zet meng roer breng serveer giet controleer ga
            schrijf onthoud reken betaal vraag meestal soms verder bovendien zorg""",
        "sv": """den det de en ett och eller men om i på av till för med från vid under över efter
            innan är var blir bli har hade kan ska skulle måste får vill jag du han hon vi ni dem
            min din ditt er ert sin vår inte ingen också bara redan mycket så hur vad vem var när
            varför vilken denna detta dessa här där då sedan därför eftersom att som tack hej ja nej
            tyvärr gärna ring skicka kom ta glöm annars först idag imorgon vänligen behöver finns
            alla häll rör låt lägg skriv klicka öppna välj logga svara läs se sätt grädda stek koka
            servera blanda kontakta betala fyll använd dessutom kanske mer går""",
        "da": """den det de en et og eller men hvis i på af til for med fra ved under over efter før
            er var bliver blev har havde kan skal skulle må vil jeg du han hun vi dem min din dit
            deres vores ikke ingen også kun allerede meget så hvordan hvad hvem hvor hvornår hvorfor
            hvilken denne dette disse her der da derfor fordi at som tak hej ja nej desværre gerne
            ring send kom tag husk ellers først i dag venligst findes alle jeres derefter skriv svar
            læs læg sæt bland kog server klik åbn vælg log brug betal medbring kontakt desuden måske
            alt får går står være været mange""",
        "no": """den det de en ei et og eller men hvis i på av til for med fra ved under over etter
            før er var blir ble har hadde kan skal skulle må vil jeg du han hun vi dere dem min din
            ditt deres vår ikke ingen også bare allerede mye så hvordan hva hvem hvor når hvorfor
            hvilken denne dette disse her der da derfor fordi at som takk hei ja nei dessverre
            gjerne ring send kom ta husk ellers først vennligst finnes alle deretter skriv svar les
            legg sett bland kok stek server klikk åpne velg logg bruk betal kontakt dessuten kanskje
            alt får går står være vært fremdeles prøv mange""",
        "fi": """ja tai mutta jos kun on ovat oli olivat ei eivät en et emme ette ole olen olet
            olemme olette se ne hän he minä sinä me te tämä tuo nämä sen sitä niiden hänen minun
            sinun teidän meidän mikä mitä kuka missä milloin miksi miten kuinka että koska myös vain
            jo hyvin niin sitten siksi kuitenkin lisäksi voit voitte voi voimme pitää täytyy saa
            kiitos hei kyllä valitettavasti ensin lopuksi täältä siellä tässä siinä haluatko onko
            voinko tarvitset muista soita lähetä ota tuo katso jos muuten anna tänään huomenna kuori
            keitä lisää jätä sekoita paista tarjoa valitse avaa kirjaudu lataa kirjoita vastaa
            ilmoita varaa maksa tarkista pyydä käytä laita sulla mulla joo näin nyt vielä aina usein
            ehkä sekä eli olla jonka joka jotka kanssa ilman""",
        "is": """og eða en ef í á að til fyrir með frá við undir yfir eftir er eru var hefur hafa
            getur mun ég þú hann hún það við þið þeir þær þau minn þinn ekki enginn líka bara mjög
            svo hvernig hvað hver hvar hvenær þetta þessi hér þar þá því takk já nei vinsamlegast
            mig mér þig þér okkur ykkur hans hennar nema bæði alltaf aldrei kannski mundu láttu
            hafðu settu hrærðu bakaðu sendu hringdu skrifaðu veldu opnaðu smelltu taktu komdu berðu
            viltu þarft þarf verður samkvæmt síðan fyrst núna annars einnig allt allir""",
        "et": """ja või aga kui on oli olid ei ole mina sina tema meie teie nemad ma sa ta me te see
            need selle seda mis kes kus millal miks kuidas et sest ka ainult juba väga nii siis seal
            siin palun aitäh tere kahjuks saab saate võib võite tuleb ning kuid kas ilma oma teil
            teile teid meil meile sul mul saan saame võta lisa sega lase helista kirjuta vali ava
            vajuta kontrolli maksa pane veel nüüd täna homme enne pärast alates kuni kõik iga
            selleks soovi vaja lisaks samuti näiteks muidu""",
        "lv": """un vai bet ja kad ir bija nav es tu viņš viņa mēs jūs viņi šis šī tas tā kas kur
            kāpēc kā ka jo arī tikai jau ļoti tad šeit tur lūdzu paldies no uz ar par pie pēc jūsu
            jums mums mūsu viņam esmu esat būs varat vajag nevar vēl tātad tomēr pirms kopā līdz bez
            visu visi katrs pievienojiet zvaniet rakstiet atnesiet pasniedziet cepiet nospiediet
            izvēlieties pārbaudiet labdien sveiki šodien rīt vispirms turklāt vairāk kuru kura
            kuri""",
        "lt": """ir ar bet jei kai yra buvo nėra aš tu jis ji mes jūs jie šis ši tas ta kas kur
            kodėl kaip kad nes taip pat tik jau labai tada čia ten prašome ačiū iš į su už prie po o
            bei arba jeigu kuris kuri kurie galite gali reikia reikės turite bus būtų esate jūsų
            jums mums mūsų jį jos jo šiandien rytoj pirmiausia vėliau dar taigi tačiau todėl nuo iki
            per virš atsineškite paskambinkite parašykite patiekite sumaišykite kepkite spauskite
            pasirinkite patikrinkite sumokėkite sveiki laba dėkojame viską visi viskas daugiau kiek
            koks kokia pasiimkite praneškite atvykite linkime""",
        "pl": """i a lub albo ale jeśli jeżeli gdy kiedy w we na do z ze od po przy za dla o u
            przez pod nad przed jest są był była było być ma mają można może trzeba należy nie
            tak to ten ta te tego tej tym który która które co kto gdzie dlaczego jak że bo
            ponieważ też także tylko już bardzo więc potem następnie ja ty on ona my wy oni pan
            pani państwo mój twój nasz proszę dziękuję dziękujemy niestety czy jeszcze tutaj tam
            dziś jutro wtedy najpierw wszystko każdy warto pamiętaj jego jej ich się""",
        "cs": """a i nebo ale pokud když až v ve na do z ze od po při za pro o u přes pod nad
            před je jsou byl byla bylo být má mají může můžete lze nutno ne ano to ten ta ti
            tento tato toto který která které co kdo kde proč jak že protože také jen už velmi
            tak pak potom já ty on ona my vy oni váš vaše vaši můj náš prosím děkuji děkujeme
            bohužel jestli ještě zde tady tam dnes zítra nejprve všechno každý se si jejich jeho
            její máte nezapomeňte""",
        "sk": """a i alebo ale ak keď až v vo na do z zo od po pri za pre o u cez pod nad pred
            je sú bol bola bolo byť má majú môže môžete nie áno to ten tá tie tento táto toto
            ktorý ktorá ktoré čo kto kde prečo ako že pretože tiež len už veľmi tak potom ja ty
            on ona my vy oni váš vaše prosím ďakujem ďakujeme žiaľ či ešte tu tam dnes zajtra
            najprv všetko každý sa si""",
        "sl": """in ali pa če ko v na do z s od po pri za o pod nad pred je so bil bila bilo ima
            imajo lahko ne da to ta te tisti ki kaj kdo kje zakaj kako ker tudi samo že zelo
            tako potem jaz ti on mi vi oni vaš prosimo hvala žal tukaj tam danes jutri najprej
            vse""",
        "hr": """i ili ali ako kada kad u na do iz od po pri za o pod nad pred je su bio bila
            bilo ima imaju može možete ne da to taj ta te koji koja koje što tko gdje zašto kako
            jer također samo već vrlo tako zatim ja ti on ona mi vi oni vaš molimo hvala
            nažalost ovdje tamo danas sutra najprije sve šta ko gde takođe veoma""",
        "hu": """a az és vagy de ha amikor mert hogy is csak már nagyon így akkor ezután majd
            van vannak volt lesz lehet kell nem igen ez azt ezt ennek annak aki ami amely mi ki
            hol mikor miért hogyan én te ő mi ti ők ön önök kérem kérjük köszönöm köszönjük
            sajnos itt ott ma holnap először minden még kérjük hozza vigye ne amennyiben
            szeretne szívesen jó azonban ezért egy""",
        "ro": """și si sau dar dacă daca când în in pe la de din cu pentru prin sub peste după
            înainte este sunt era erau a au ai am are poate puteți trebuie nu da acest această
            acesta aceasta aceste care ce cine unde de ce cum că pentru că și doar deja foarte așa
            apoi eu tu el ea noi voi ei dumneavoastră vă te îți mulțumim mulțumesc rog din păcate
            aici acolo azi mâine întâi toate fiecare un o unei unui al ale lui vom veți avem aveți
            fi vor fost iar aduceți luați sunați scrieți nostru noastră""",
        "bg": """и или но ако когато в във на до от по при за под над пред е са беше бяха бъде
            има имат може можете трябва не да това този тази тези който която което какво кой
            къде защо как че защото също само вече много така после аз ти той тя ние вие те
            вашият моля благодаря благодарим здравейте за съжаление тук там днес утре първо
            всичко всеки се си ви му през към без между""",
        "ru": """и или но а если когда в во на до из с со от по при за для о об у через под над
            перед это этот эта эти есть был была было были будет может можете можно нужно надо
            не да нет то тот который которая которые что кто где почему как так чтобы потому
            также тоже только уже очень потом затем я ты он она оно мы вы они ваш ваша ваше ваши
            мой наш пожалуйста спасибо здравствуйте к сожалению ли ещё еще здесь там сегодня
            завтра сначала всё все каждый после его её их их вам вас нам мне для при обратите""",
        "uk": """і й та або але якщо коли в у на до з із зі від по при за для про через під над
            перед це цей ця ці є був була було були буде може можете можна потрібно треба не так
            ні то той який яка яке які що хто де чому як щоб бо тому також теж тільки вже дуже
            потім я ти він вона воно ми ви вони ваш ваша ваше ваші мій наш будь дякую дякуємо
            вітаю на жаль чи ще тут там сьогодні завтра спочатку все кожен після його її їх вам
            вас нам мені""",
        "sr": """и или али ако када кад у на до из од по при за о под над пред је су био била
            било има имају може можете не да то тај та те који која које шта што ко где зашто
            како јер такође само већ веома тако затим ја ти он она ми ви они ваш молимо хвала
            нажалост овде тамо данас сутра прво све""",
        "mk": """и или но ако кога во на до од по при за под над пред со без меѓу е се сум сме сте
            беше беа биде има имаат може можете треба не да ова оваа овој тоа тие кој која кое
            што како каде зошто бидејќи исто само веќе многу така потоа јас ти тој таа ние вие
            вашата вашиот ве ви го ја ги му ни ќе би молиме благодариме здраво тука таму денес
            утре прво сѐ сè секој""",
        "kk": """және мен пен бен ал бірақ егер үшін бұл ол осы сол мына сен сіз біз олар кім не
            қайда қашан неге қалай қанша бар жоқ иә өте тек ғана енді содан кейін дейін бойынша
            туралы арқылы керек мүмкін болады болса емес тағы барлық әр бүгін ертең қазір рақмет
            сәлеметсіз сіздің біздің менің оның ең өз бір""",
        "el": """ο η το οι τα τον την του της των τους τις ένα ένας μία μια και ή αλλά αν όταν
            σε στο στη στην στον στα στις από για με προς χωρίς μέχρι μετά πριν είναι ήταν θα να
            έχει έχουν έχετε μπορεί μπορείτε πρέπει δεν μην ναι όχι αυτό αυτός αυτή αυτά που
            ποιος ποια τι πού πότε γιατί πώς ότι επειδή επίσης μόνο ήδη πολύ έτσι τότε εγώ εσύ
            εμείς εσείς σας μας μου σου παρακαλώ ευχαριστώ ευχαριστούμε δυστυχώς εδώ εκεί σήμερα
            αύριο πρώτα όλα κάθε""",
        "es": """el la los las un una unos unas y e o u pero si cuando en de del al a por para con
            sin sobre entre hasta desde según es son era eran fue ser está están hay ha han he hemos
            puede pueden puedes debe debes tiene tienes no sí este esta esto estos estas ese esa eso
            que qué quién quien cuál cómo como dónde donde cuándo cuánto porque también solo sólo ya
            muy así entonces luego después además yo tú él ella nosotros usted ustedes ellos su sus
            mi tu nuestro le les lo se me te nos gracias hola por favor quizá aquí allí hoy mañana
            primero todo cada recuerde recuerda lleve traiga llame avísenos quiere quieres necesita
            podemos avise avísame dime díganos escríbenos mándame espere será tenemos más""",
        "pt": """o a os as um uma uns umas e ou mas se quando em no na nos nas de do da dos das ao à
            aos às por pelo pela para pra com sem sobre entre até desde é são era eram foi ser está
            estão há tem têm pode podem deve precisa não sim este esta isto esse essa isso aquele
            que quem qual como onde quando quanto porque também só já muito assim então depois além
            eu você ele ela nós vocês eles seu sua seus suas meu minha nosso lhe me te obrigado
            obrigada olá aqui ali hoje amanhã primeiro tudo cada lembre leve traga ligue confirma
            quer caso posso podemos temos será seria avise mande peça responda qualquer ainda""",
        "fr": """le la les un une des et ou mais si quand lorsque en dans à au aux de du par pour
            avec sans sur sous entre jusqu depuis est sont était être a ont ai avez avons peut
            pouvez peux doit devez faut ne pas non oui ce cet cette ces cela ça qui que qu quoi quel
            quelle comment où pourquoi combien parce car aussi seulement déjà très ainsi alors puis
            ensuite après je tu il elle on nous vous ils elles votre vos mon ma notre nos leur se me
            te merci bonjour veuillez ici là aujourd demain d'abord tout tous chaque pensez
            n'oubliez appelez voulez souhaitez sinon apportez prenez prévoyez envoyez répondez sera
            seront notez évitez comptez""",
        "it": """il lo la i gli le un uno una e o ma se quando in nel nella nei di del della dei
            delle al alla da dal dalla per con su sul sulla tra fra fino è sono era erano essere ha
            hanno ho abbiamo può possono deve devi non sì questo questa questi queste quello quella
            che chi cosa quale come dove perché quanto anche solo già molto così allora poi dopo
            inoltre io tu lui lei noi voi loro suo sua suoi tuo mio nostro vostro le gli si mi ti ci
            vi grazie ciao salve purtroppo qui lì oggi domani prima tutto ogni ricordi porti chiami
            vuole desidera puoi prenda scriva scrivici risponda basta sarà saranno più ne""",
        "ca": """el la els les un una i o però si quan a en de del dels al als per amb sense sobre
            entre fins és són era ser està estan hi ha pot poden ha cal no sí aquest aquesta això
            que qui què com on per què també només ja molt així llavors després jo tu ell ella
            nosaltres vostè el seu la seva gràcies hola aquí avui demà tot cada ens li teniu té
            tenim podeu puc voleu aquests aquestes doncs encara més porteu pregunteu sinó nostre""",
        "tr": """bir ve veya ya da ama fakat eğer ise için ile gibi kadar sonra önce göre bu şu
            o bunlar şunlar ben sen biz siz onlar benim senin bizim sizin ne kim nerede neden
            nasıl niçin hangi mi mı mu mü değil var yok evet hayır çok daha en de da ki çünkü
            ancak ayrıca lütfen teşekkürler teşekkür merhaba maalesef burada orada bugün yarın
            ilk önce her tüm bütün şimdi hemen olarak olan olur oldu size sizi bize bana""",
        "az": """bir və və ya amma əgər üçün ilə kimi qədər sonra əvvəl bu o bunlar mən sən biz
            siz onlar nə kim harada niyə necə hansı deyil var yox bəli xeyr çox daha ən də da ki
            çünki lütfən zəhmət təşəkkür salam burada bu gün sabah hər bütün""",
        "id": """yang dan atau tetapi tapi jika kalau bila ketika di ke dari pada untuk dengan
            tanpa tentang antara sampai sejak adalah ini itu tersebut saya aku kamu anda dia
            kami kita mereka apa siapa mana kapan mengapa kenapa bagaimana berapa tidak bukan ya
            juga hanya sudah belum sangat akan bisa dapat harus boleh maka lalu kemudian setelah
            sebelum karena silakan mohon terima terimakasih halo maaf sayangnya di sini hari
            besok pertama semua setiap pastikan jangan selamat selain ada apakah nanti agar
            ialah sila sekiranya adakah encik puan kepada bagi serta oleh dalam telah""",
        "vi": """và hoặc nhưng nếu khi ở trong trên dưới của cho với từ đến về để là có không
            được đã đang sẽ phải cần nên này đó kia tôi bạn anh chị em chúng ta họ nó quý khách
            gì ai đâu sao thế nào bao nhiêu cũng chỉ rất thì mà vì do sau trước rồi vui lòng xin
            cảm ơn chào hôm nay mai trước tiên tất cả mỗi các những một hãy ngoài nhớ""",
        "tl": """ang ng mga sa na at o pero kung kapag para may mayroon wala hindi oo ito iyan
            iyon ako ikaw siya kami tayo kayo sila ano sino saan kailan bakit paano magkano din
            rin lang po opo salamat kumusta dito doon ngayon bukas una lahat bawat pakiusap
            huwag inyong inyo ninyo amin namin natin kanila kanya nito yung mula hanggang bago
            pagkatapos dahil kaya puwede pwede maaari dapat kailangan naman daw muna ba ay""",
        "sw": """na au lakini kama ikiwa kwa ya wa za la cha vya katika ni si ndiyo hapana hii
            hiyo huyu hao mimi wewe yeye sisi ninyi wao nini nani wapi lini mbona vipi gani pia
            tu sana basi kisha baada kabla tafadhali asante karibu habari samahani leo kesho
            kwanza yote kila hakuna je unaweza utahitaji kumbuka usisahau ukiwa""",
        "sq": """dhe ose por nëse kur në nga për me pa mbi nën është janë ishte ka kanë mund
            duhet nuk jo po ky kjo këta unë ti ai ajo ne ju ata çfarë kush ku kur pse si që
            sepse gjithashtu vetëm shumë faleminderit ju lutem përshëndetje këtu sot nesër""",
        "af": """die 'n en of maar as in op aan te van vir met by uit na oor onder deur om tot is
            was het kan sal moet mag ek jy u hy sy ons julle hulle my jou ons nie geen ook nog net
            hoe wat wie waar wanneer hoekom hierdie daardie dan dus want omdat asseblief dankie ja
            nee baie jul moenie asb hê wees voeg giet hou stuur skryf onthou kyk sien geniet môre
            gerus kies vandag eers alles elke kry maak gebruik sny gooi roer""",
        "hy": """և ու կամ բայց եթե երբ է են էր էին ունի կա չէ չկա այս այդ այն նա ես դու մենք
            դուք նրանք ինչ ով որտեղ ինչու ինչպես որ որպեսզի նաև միայն արդեն շատ ապա խնդրում
            շնորհակալություն բարև այստեղ այսօր վաղը նախ բոլոր ամեն ձեր մեր իմ""",
    }.items()
}

# Languages in which a full stop after a number makes an ordinal: "am 3. November", "2. kerros".
ORDINAL = frozenset("de da no fi is et lv lt pl cs sk sl hr hu sr tr az".split())

MONTHS = frozenset(
    """january february march april may june july august september october november december
    jan feb mar apr jun jul aug sep sept oct nov dec
    januar jänner februar feber märz mai juni juli oktober dezember desember marts mars maj
    ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
    janeiro fevereiro março maio junho julho setembro outubro novembro dezembro
    janvier février avril juin juillet août septembre octobre novembre décembre
    gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre
    ianuarie februarie martie aprilie iunie iulie septembrie octombrie noiembrie decembrie
    ledna února března dubna května června července srpna září října listopadu prosince
    stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października grudnia
    január február március április május június július augusztus szeptember október
    tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta
    syyskuuta lokakuuta marraskuuta joulukuuta
    janúar febrúar apríl maí júní júlí ágúst nóvember
    jaanuar jaanuaril veebruar veebruaril märts märtsil aprill aprillil juuni juunil juuli
    juulil augustil septembril oktoobril novembril detsembril
    janvārī februārī martā aprīlī maijā jūnijā jūlijā augustā septembrī oktobrī novembrī decembrī
    ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου οκτωβρίου
    νοεμβρίου δεκεμβρίου
    января февраля марта апреля мая июня июля августа сентября октября ноября декабря""".split()
)

# Capitalised words that go on with a sentence after a number or an hour, in every language that
# capitalises them: months and days, and the names of time zones.
CALENDAR = MONTHS | frozenset(
    """monday tuesday wednesday thursday friday saturday sunday
    mondays tuesdays wednesdays thursdays fridays saturdays sundays eastern central mountain pacific
    mon tue tues wed thu thur thurs fri sat sun montag dienstag mittwoch donnerstag freitag samstag
    sonnabend sonntag
    pazartesi salı çarşamba perşembe cuma cumartesi pazar
    δευτέρα τρίτη τετάρτη πέμπτη παρασκευή σάββατο κυριακή
    est edt cst cdt mst mdt pst pdt gmt utc cet cest bst ist eet et ct mt pt wib
    jahrhundert jh jhd stock etage klasse liga weltkrieg bezirk semester gang platz auflage kapitel
    """.split()
)

_SPEAKERS: dict[str, tuple[str, ...]] = {}
for _tag, _words in WORDS.items():
    for _word in _words:
        _SPEAKERS[_word] = (*_SPEAKERS.get(_word, ()), _tag)
_TELLING_LETTERS = 4
_BEGINNINGS = frozenset(word[:_TELLING_LETTERS] for word in _SPEAKERS)
# Letters that one language has and its neighbours have not.
_LETTERS = {
    letter: tag
    for tag, letters in {
        "de": "ß", "hu": "őű", "cs": "řěů", "sk": "ľĺŕ", "pl": "łąęź", "tr": "ığ", "az": "ə",
        "is": "þð", "ro": "ță", "es": "ñ¿¡", "pt": "ãõ", "fr": "êœ", "ru": "ыэ", "uk": "їєі",
        "sr": "ђћ", "mk": "ѓќѕ", "kk": "қғұңүөһ", "sq": "ë",
        "vi": "ươạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
    }.items()
    for letter in letters
}  # fmt: skip
# Characters that tell a language.
_ENOUGH = 180
# Votes for all languages are one integer with 32 bits for each, so that to add up is one addition.
# A word speaks for each of its languages, the less the more there are.
_TAGS = sorted({*WORDS, *_LETTERS.values()})
_ONE_VOTE = {tag: 1 << (32 * index) for index, tag in enumerate(_TAGS)}
_VOTES_OF = {
    tags: sum(round(1000 * len(tags) ** -0.5) * _ONE_VOTE[tag] for tag in tags)
    for tags in set(_SPEAKERS.values())
}
_VOTES = {word: _VOTES_OF[tags] for word, tags in _SPEAKERS.items()}
_OF_EACH = Struct(f"<{len(_TAGS)}I")
_LETTER_VOTES = {letter: 1500 * _ONE_VOTE[tag] for letter, tag in _LETTERS.items()}
_LETTER_VOTES["ə"] *= 3  # Azerbaijani has the letters of Turkish as well
_TELLING = re.compile(f"[{''.join(_LETTERS)}]")
# Languages that are written and abbreviated alike: neither keeps the other from being told.
_TWINS = {_TAGS.index(tag): _TAGS.index(twin) for tag, twin in (("da", "no"), ("no", "da"))}
# What the first language needs to be told, and how far the second must lie behind.
_SURE_VOTES = 1500
_SURE_LEAD = 1.2
# What steps, options and the like are called: "Step 2." heads what follows it.
LABELS = frozenset(
    """step option question chapter part tip day rule figure table section version phase level
    lesson week note item round act scene schritt frage kapitel teil tipp tag regel woche paso
    opción pregunta capítulo parte consejo día regla semana passo opção pergunta dica dia regra
    étape question chapitre partie conseil jour règle semaine passaggio opzione domanda capitolo
    consiglio giorno regola stap vraag hoofdstuk deel dag krok pytanie rozdział część dzień otázka
    kapitola den pas întrebare capitol partea ziua steg fråga trin spørgsmål trinn vaihe kysymys
    lépés kérdés nap adım soru bölüm gün βήμα ερώτηση κεφάλαιο ημέρα шаг вариант вопрос глава часть
    совет день крок варіант питання розділ частина langkah pertanyaan bab hari bước câu chương ngày
    hatua swali siku hakbang שלב שאלה פרק יום الخطوة خطوة السؤال سؤال الفصل اليوم مرحله گام قدم
    चरण प्रश्न अध्याय दिन पायरी ধাপ প্রশ্ন দিন படி கேள்வி దశ ప్రశ్న ნაბიჯი კითხვა քայլ հարց ደረጃ""".split()
)


def is_small(word: str, language: str = "") -> bool:
    """Whether a word is one of the small ones that name nothing, in a language or in any."""
    speakers = _SPEAKERS.get(word.lower())
    return speakers is not None and (not language or language in speakers)


def may_be_small(beginning: str) -> bool:
    """Whether a word that begins like this may become one of those."""
    return len(beginning) < _TELLING_LETTERS or beginning[:_TELLING_LETTERS].lower() in _BEGINNINGS


def guess(text: str) -> str:
    """The language of a text in an alphabet with capitals, as a tag; ``""`` when unsure.

    Good for a sentence or more; looks at the last ones only.
    """
    return _guess(text[-_ENOUGH:].lower())


# One judgement asks for the language of one text several times.
@lru_cache(4)
def _guess(tail: str) -> str:
    # A word that touches another mark is not known; finding those too takes twice as long.
    words = tail.replace(".", " ").replace(",", " ").replace("?", " ").replace("*", " ").split()
    votes = sum(filter(None, map(_VOTES.get, words)))
    if not tail.isascii():
        votes += sum(map(_LETTER_VOTES.__getitem__, {*_TELLING.findall(tail)}))
    if not votes:
        return ""
    of_each = [*_OF_EACH.unpack(votes.to_bytes(_OF_EACH.size, "little"))]
    sure = max(of_each)
    first = of_each.index(sure)
    of_each[first] = of_each[_TWINS.get(first, first)] = 0
    return _TAGS[first] if sure >= max(_SURE_VOTES, _SURE_LEAD * max(of_each)) else ""
