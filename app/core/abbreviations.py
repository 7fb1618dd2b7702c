"""Words that end in a full stop which ends no sentence, by language and by what may follow them.

Collected for this module from general knowledge of each language; keys are lower-case, without
the last stop and without inner spaces (``"z.b"`` stands for "z. B."). Four kinds:

* ``before``: something always follows in the same sentence: titles, "e.g.", "ca.", "Str.", and in
  scripts without capitals the longer names of letters, as initials have them.
* ``number``: an abbreviation only before a number, else a word: "no. 5", "art. 3".
* ``end``: may close a sentence; a capital letter after it opens the next one: "etc.", "p.m.".
* ``name``: may close a sentence, but capitalised words often go on: "Inc.", "U.S.", "Jr.".
"""

from collections.abc import Mapping
from typing import Literal

from app.core.vocabulary import guess, is_small

Kind = Literal["before", "number", "end", "name"]

# The empty tag: in every language.
_TABLE: dict[str, dict[Kind, str]] = {
    "": {
        "before": """dr dra drs drª prof profª mr mrs ms mme mlle mgr msgr messrs sr sra srta srª st
            ste ing rev capt cmdr lt sgt cpl maj supt rep approx aprox ca circa cf e.g i.e eg ie viz
            vs fig figs ed eds vol vols cap tel telf tlf resp incl inkl excl exkl max.c""",
        "number": """no nr nro núm nº num n.º n p pp pg pag pág s ch chap sec art arts § abs bd kap
            tab abb taf cod código ver v ext apt ap bl h m g l""",
        "end": "etc usw a.m p.m b.c a.d b.c.e c.e et.al km cm kg ml ff",
        "name": """inc ltd co corp llc plc gmbh bros jr u.s u.k u.n u.s.a e.u d.c l.a ph.d m.d b.a
            m.a s.a s.l s.r.l s.p.a a.g n.v b.v""",
    },
    "en": {
        "before": """dept col asst assoc messrs c.f ver ref esp attn e.g i.e approx est hon
            sen gov pres adm fr mt pvt pty prop mfg intl natl assn
            brig det dist atty geo chas thos jas robt shri kum mohd a.k.a sched
            thm fam subsp p.s p.p.s ps pps n.b nb encl vit acct""",
        "number": "disc ft mar jun jul sep ste rm bldg q eq gen jan feb apr aug sept oct nov dec",
        "end": """mm min mins sec secs hr hrs in yd yds mi mph asap et.al b.i.d t.i.d q.i.d q.d
            p.r.n p.a p.w p.p p.c.m""",
        "name": """ave blvd rd hwy ln dept univ sq pkwy inc mon tue tues wed thu thur thurs fri
            sat sun n.y d.c tsp tbsp oz lb lbs gal pt qt""",
    },
    "de": {
        "before": """hr hrn fr frl frdl bzw z.b z.t z.h z.hd d.h u.a u.u i.d.r i.a i.v o.g s.o s.u
            v.a ggf ggfs evtl inkl exkl zzgl abzgl vgl ca ungef bspw geb gest verh dipl dipl.-ing
            rer nat phil med jur habil hl nr str tel lt sog gem betr bes insb max min mind höchst
            jew urspr einschl ausschl mtl jährl tägl wöchtl gegr ehem allg art abs ziff anm lfd kath
            n.chr.g zw m.e o.ä.g d.j d.m schw dt engl franz ital span lat amtl gesetzl vers verm
            prod abt dir univ inh st bzgl i.v.m i.h.v u.v.a i.br a.d v.d.h hrsg stv stellv vors rd
            mmag ddr prim fam allfäll ev spez entspr i.w u.zw fa versch beglaub vorauss europ röm
            griech evang prot hist biol chem techn phys math städt durchschn ggü vollst notw em""",
        "number": """s bd kap aufl hs hausnr rn az mag jan feb mär apr jun jul aug sep sept okt nov
            dez mo di mi do sa so aufg gl pl""",
        "end": "usf u.ä o.ä etc usw uvm u.v.m m.w.o dgl u.dgl p.a pers mon ebd komb",
        "name": """std min sek stck stk pkg pck msp mio mrd tsd jh jhd jhdt n.chr v.chr e.v mwst chr
            gmbh tägl qm zi kl gr whg tl el hbf bhf tgl nachm""",
    },
    "nl": {
        "before": """dhr mevr mw drs ir mr ds bijv bv d.w.z d.m.v t.a.v t.b.v t.o.v i.v.m i.p.v
            m.b.t m.u.v n.a.v o.a o.l.v p.a z.s.m m.i ca max min excl incl evt resp vgl nl ong plm
            tel zgn zg blz st ing a.u.b t.o afd t.n.v t.g.v t.h.v v.h v.d o.b.v i.o.m jhr mgr fam
            gebr gem vlg opm cfr d.d a.s z.g w.o b.g.g wisk jo""",
        "number": """nr p blz art wo do vr za zo ma di jan feb mrt apr jun jul aug sept okt nov dec
            hfst pag hfdst par""",
        "end": """enz e.d e.a m.m n.v.t z.o.z a.u.b s.v.p aub svp p.p p.st p.m v.chr n.chr jl jr mnd
            pers wk e.v e.o o.i.d k.k wkn""",
        "name": "b.v n.v v.o.f mln mld em",
    },
    "sv": {
        "before": """d.v.s t.ex bl.a dvs s.k ca resp f.d t.o.m fr.o.m m.a.o p.g.a inkl exkl jfr tel
            hr dr doc civ.ing kl max min fd ev enl ang avd tfn m.a.p i.st.f övers forts kungl
            kand ing äv""",
        "number": """st nr kap s sid kl fr jan feb apr aug sept okt nov dec el prop sou rskr tors
            uppg""",
        "end": """osv o.s.v m.m m.fl etc e.d o.d e.kr f.kr o.dyl tim mån tsk msk krm pers vån e.m
            f.m milj mdr tkr o.s.a sek ggr""",
        "name": "d.y d.ä f.n tr tabl em univ",
    },
    "da": {
        "before": """d.v.s f.eks fx bl.a dvs ca hhv evt inkl ekskl pga p.g.a mht m.h.t iflg jf vedr
            tlf hr frk dr cand pr kl nr st t.h t.v s.u maks min el ang afd v.h.a i.f.t udg gl sct
            skt fhv nuv overs polit phil lic adm jvf jfr m.h.p resp aa ing""",
        "number": "nr kap s kl art fr jan feb mar apr aug sept okt nov dec stk bd tirs tors opg",
        "end": """osv o.s.v mv m.v m.m m.fl etc e.l e.kr f.kr o.l kr mio mia timer pers pct mdr md
            mdl tim spsk tsk o.lign o.a el.lign el.l årh dgl""",
        "name": "t.h t.v p.t kbh tbl",
    },
    "no": {
        "before": """d.v.s f.eks bl.a dvs ca evt inkl ekskl pga mht iht jf vedr tlf hr dr kl nr st
            maks min el ev ang avd mob resp hhv fhv div adm cand philos i.f.m kgl obs v.h.a aa
            ing""",
        "number": """nr kap s kl fr jan feb apr aug sept okt nov des rt prop meld innst gnr bnr tirs
            tors oppg""",
        "end": """osv o.s.v mv m.v m.m m.fl etc e.l e.kr f.kr o.l kr mill mrd etg mnd pst pers stk
            el.l o.a årg pkt ts ss dgl""",
        "name": "tbl",
    },
    "fi": {
        "before": """t.d.s v.s esim ks vrt ts puh nk ns tri prof ent synt huom alk viim maks väh vm
            mm terv yst hra rva nti kand toht maist toim suom engl ruots saks nyk lyh enint""",
        "number": """n nro s v klo puh so tammik helmik maalisk huhtik toukok kesäk heinäk elok
            syysk lokak marrask jouluk""",
        "end": """jne ym yms tms ynnä jms eaa jaa eKr kpl min h krs milj mrd tuh hlö luv kk vko pv
            vrk sek rkl tl dl""",
    },
    "is": {
        "before": """t.d þ.e m.a u.þ.b ca kl nr bls frh dr hr frú sbr skv vs t.a.m þ.á.m þ.a m.a.s
            s.s ath útg ritstj sk netf""",
        "number": "gr mgr tölul",
        "end": """o.s.frv o.fl o.þ.h kr f.kr e.kr m.fl e.þ.h o.þ.u.l m.m klst mín sek tsk msk þús
            millj málsl vsk""",
        "name": "hf ehf",
    },
    "et": {
        "before": """nt nr lk hr pr dr prof s.o st s.t ca u tel tn vrd vt sh s.h näit snd surn dots
            akad k.a v.a""",
        "number": "mnt pst jaan veebr sept dets",
        "end": "jne jt jms vms kr jj jm jpm jts jmt v.m e.m.a e.kr p.kr min sek spl tl sp mln mld",
        "name": "saj a",
    },
    "lv": {
        "before": """piem t.i t.sk dr prof tālr nr lpp apm plkst t.s sk skat dz tel mob maks akad
            inž""",
        "number": "p janv febr sept",
        "end": "utt u.c u.tml u.t.t tml tūkst milj mljrd m.ē min sek",
        "name": "g gs st pag",
    },
    "lt": {
        "before": """pvz t.y dr prof tel nr p vad g pr p.s doc inž gen plk faks mob žr plg vyr jaun
            maks dgt vns a.k pl kv gim gyd""",
        "number": "str psl sk sąs pav sav",
        "end": "pan kt t.t min tūkst mln mlrd vnt ct pr.kr sek",
        "name": "m d a val pab mėn",
    },
    "pl": {
        "before": """np tj tzn tzw m.in dr prof inż mgr hab lek św ul al os pl nr tel ok zob por
            red wyd im płk kpt ks bp ds wg p.o jw pn śp godz woj pow gm st ur zm pt w.w adw not
            arch dyr poł tłum oprac abp kard ang łac niem franc ppłk ppor sierż hr bł maks ew temp
            wys szer dł kier sędz prok dz.u t.j stęż poj diec zad ćw odp""",
        "number": """nr str s art pkt ust rys tab poz m lok kl godz gen śr czw sob ndz sty lut mar
            kwi cze lip sie wrz paź lis gru rozdz niedz pon wt stycz""",
        "end": """itd itp etc ww n.e p.n.e r w szt godz min sek mies wiek zł gr kg pkt m.in.e br ub
            in i.in i.n nast i.nast proc os dn bm""",
        "name": "s.a z.o.o tys mln",
    },
    "cs": {
        "before": """např tj tzn tzv resp popř příp vč mj mimoj č čp čís čj ul nám tř tel ing mgr
            mudr judr phdr rndr bc mvdr paeddr doc prof dr sv p pí sl cca srov zejm obv event odst
            písm st nar zemř t.č t.j n.m kpt plk gen.por učeb mjr př lat angl něm franc okr npor zn
            akad pplk ev nást nakl vdp""",
        "number": "č str s odst kap obr tab čl sb po út čt pá so ne gen min max fakt",
        "end": "atd atp apod aj hod min sek mld kč ks l.p n.l př.n.l t.r t.m r m.n.m nasl",
        "name": "a.s s.r.o spol tis mil mld",
    },
    "sk": {
        "before": """napr t.j tj tzn tzv resp príp vrát č čís ul nám tel ing mgr mudr judr phdr
            rndr bc doc prof dr sv p pí sl cca porov st nar t.č najm učeb mjr plk lat angl nem
            franc okr zák hl akad ev vyd nast nakl pozn uč vdp""",
        "number": "č str s ods kap obr tab čl min max sept febr fakt",
        "end": "atď a.i a.p apod hod min sek ks n.l pr.n.l r i nasl",
        "name": "a.s s.r.o spol tis mil mld",
    },
    "sl": {
        "before": """npr tj oz t.i tim dr prof ul št tel ga g gdč sv cca pribl odst čl roj inž vklj
            gl prim nasl izd spec mag ing akad dipl univ doc amb""",
        "number": "št str mag sept febr",
        "end": "itd ipd idr itn l h n.št pr.n.št min sek mes",
        "name": "d.o.o d.d red tis mio mrd s.p",
    },
    "hr": {
        "before": """npr tj tzv odn dr mr prof ul br tel gđa g gđica sv cca st čl inž ing dipl red
            rođ uklj gđo gđe gđu gđom gdin doc akad izv mag univ spec izd nakl prim kbr knj vlč
            preč""",
        "number": "br str čl st sept",
        "end": "itd isl i.sl dr god g sat min kn o.g pr.kr n.e p.n.e eur kom sl mj",
        "name": "d.o.o d.d j.d.o.o tis mlrd",
    },
    "hu": {
        "before": """pl kb ún ill vö dr ifj id özv szt tel ld ui mb vsz főisk prof hrsz köv fszt
            korm vál szerk ford kiad ném lat nb alez szds hdgy bp adósz irod pu""",
        "number": "u sz em fsz ép lh bek old kb febr márc szept min max szerd csüt szomb tört köt",
        "end": "stb db u sz em fsz ó p i.e i.sz s.a.t tbk st ft kr.e kr.u dkg ek kk",
        "name": "krt sgt ltp",
    },
    "ro": {
        "before": """al dl dna dra dlui d-na d-l d-ra str nr bl sc ap et jud tel bd bdul cca aprox
            ex de.ex prof dr ing arh av sf șos cal int sec loc com mun pt vs conf art alin lit pct
            d-nei dnei dnul d-nul d-lui univ lect asist acad drd ec jr insp dir col plt pr b-dul bld
            intr p-ța pța spl sect secț tab o.u.g o.g h.g ord d.ex p.ex max mob fax c.i s.c n.b med
            psih vet ref inv prel fdt asoc spit șc inst lic""",
        "number": """nr ap bl sc et art alin pct pag p mie sâm dum ian feb mart apr iun iul aug sept
            oct nov dec temp fact cart farm cam lucr gen""",
        "end": """etc ș.a ș.a.m.d s.a.m.d ș.cl h min sec î.hr d.hr î.e.n e.n buc pers lg lgț cpr tb
            fl gr mil mld mp urm șamd a.c l.c""",
        "name": "s.r.l s.a dvs dv p.f.a s.n.c s.u.a u.e s.r.l-d",
    },
    "bg": {
        "before": """ул бул бл вх ет ап гр с обл общ пл жк тел д-р проф инж доц г-н г-жа напр т.е
            т.нар вкл прибл стр чл ал им св кв ж.к п.к акад арх лейт адм губ гл вж каб м-р изд прев
            митр еп лат англ р упр""",
        "number": "стр чл ал бл вх ет ап т № февр септ ноем четв фиг г",
        "end": """лв ст ч мин сек и.др др и.т.н т.н бр кг и.пр пр пр.хр сл.хр и.сл сл т.п дн км см
            мм сл год""",
        "name": "оод еоод ад ген полк хил млн млрд",
    },
    "mk": {
        "before": """ул бул гр д-р м-р г-дин г-ѓа г-ѓица проф инж доц акад арх св т.е т.н т.нар
            на.пр нпр пр изд кн тел моб лат англ прибл вкл искл р книж""",
        "number": "г стр чл ст бр февр септ ноем ч",
        "end": "итн и.др др и.сл сл год ден мин час сек кг км н.е пр.н.е б.б",
        "name": "ген д.о.о а.д хил мил млрд",
    },
    "ru": {
        "before": """ул д кв корп стр пр просп пер пл наб бул ш обл р-н пос дер с тел моб доб т.е
            т.к т.н т.о напр см ср им св проф доц акад д-р г-н г-жа гр тов инж зав зам нач ред изд
            рис табл гл разд прим ок прибл в.т.ч и.о вкл искл мкр с/х под эт каб оф помещ абз пп
            преп дир т.з арх ост авт трол тролл кн имп митр архиеп еп архим прот иером адм подп
            лейт реж мин-во ж-л ст соч цит англ нем франц греч итал исп рус яп о-в п-ов вл упр моск
            ленингр""",
        "number": """г с п стр гл рис табл д кв корп эт оф пп ч т № янв фев мар апр авг сент сен
            окт нояб дек пн вт чт пт сб вс февр р""",
        "end": """г гг в вв руб коп шт мин сек ч т.д т.п и.т.д и.т.п др и.др пр и.пр н.э до.н.э чел
            экз кг км см мм л мл уп ст.л ч.л сут мес а.о дн нед кв.м куб.м ккал""",
        "name": "инк лтд м.н ген полк кап темп худ лат тыс млн млрд",
    },
    "uk": {
        "before": """вул буд кв корп просп пров пл бул обл р-н с смт тел моб т.зв т.б напр див ім
            св проф доц акад д-р п пп гр інж зав заст ред вид рис табл гл розд прим бл прибл зокр
            вкл під оф ср м пов губ арх зуп авт трол кн імп митр єп архим прот адм англ нім фр лат
            грец цит ж-л мін-во ел ауд впр""",
        "number": """с ст п гл рис табл буд кв оф № р пн вт чт пт сб нд січ лют бер трав черв лип
            серп вер жовт лист груд берез квіт верес листоп""",
        "end": """р рр ст грн коп шт хв сек год т.д т.п і.т.д і.т.п т.ін та.ін ін і.под н.е до.н.е
            ос дн тижд міс кв.м""",
        "name": "ген полк підп темп тис млн млрд",
    },
    "sr": {
        "before": """нпр тј тзв одн др мр проф ул бр тел гђа св чл инж укљ доц акад гђо гђе гђица
            инг дипл бул изд прев митр еп прот књ""",
        "number": "бр стр чл септ г",
        "end": "итд и.сл др год г мин н.е п.н.е дин ч сек ком сл мј",
        "name": "д.о.о а.д ген хиљ мил млрд",
    },
    "el": {
        "before": """π.χ λ.χ δηλ κ κα κος κυρ δρ καθ αγ αρ τηλ οδ λεωφ πλ βλ πρβλ περ σελ τ.κ αριθ
            κιν συμπ συμπερ δις αφοί στρ υπ άρθρ αρθρ τόμ τεύχ εκδ μτφ επιμ άγ ό.π ο.π π.δ ημ ημερ
            πληροφ όρ ορ διαμ πλατ στρατ συντ αγγλ γαλλ γερμ λατ νομ χιλ καθηγ αναπλ επίκ ν ασκ σχ
            φοιτ ηλεκτρ αι""",
        "number": "αρ σελ κεφ παρ εικ αριθ μάρτ μαρτ φεβρ ιούν ιουλ ιούλ σεπτ νοεμ δεκεμ",
        "end": """κ.λπ κλπ κτλ κ.τ.λ κ.ά κ.α π.μ μ.μ μ.χ τ.μ χλμ εκ εκατ δισ ευρ ώρ λεπ δευτ κ.ο.κ
            κ.εξ γρ λεπτ""",
        "name": "α.ε ε.π.ε",
    },
    "es": {
        "before": """sres sras d dª dña dn lcdo lcda ldo lda lic ing arq abg prof profa dir mtro
            mtra gral cnel cap tte sto sta av avda avd c cl pza pl ctra urb edif núm nº n.º no pág
            págs p.ej ej vgr cía dpto depto jr cra ref tfno tfn teléf telf cel aprox vol p.d rte fdo
            excmo ilmo excma ilma hnos hno art párr sr sra srta ud uds vd vds admón esq ee rr ff cc
            fco ma mª m.ª gpe dres dras lics ings arqs profs mtros pbro rvdo rvda mons almte sgto
            insp fdez glez hdez rguez mtnez pdte pdta coord gte subdir núms nums expte exp tít tit
            secc cfr v.gr v.g ibíd trad col fracc mz edo mpio prov pcia stgo ntra ntro blvd calz
            carr prol priv psje pje trav rda glta cmno pol ind pta int mod univ fac inst hosp bco
            asoc séc sécs s.m s.a.r c.p deptos tels cd cdad p.º pº blq pgno manz mza alc dip pres
            supte vicepres vicealm""",
        "number": """no núm pág art p apdo km ene feb abr jun jul ago sept set oct nov dic lun mié
            jue vie sáb vier dom of apto hab vto venc temp pot bs lib esc dto mens últ gob""",
        "end": """etc a.m p.m min mín máx seg hrs h hs uds kg izq dcha cda cdta cta cts ptas q.e.p.d
            ss sigs izda izdo dcho ctvs pzas pers unid grs kgs lts mts cms cdas cdtas cditas c/u
            s.e.u.o d.e.p comp""",
        "name": """s.a s.l s.r.l ee.uu ud uds cía e.u a.c d.c s.a.u s.l.u s.c s.coop c.v r.l s.a.s
            ltda cc.aa rr.hh ff.aa jj.oo dd.hh cc.oo bs.as nte pte ote cía.ltda""",
    },
    "pt": {
        "before": """sr sra srs sras srta dr dra drs dras prof profa profª eng engª arq adv d dª
            exmo exma ilmo ilma av r rod al trav tv pça pç est lgo jd conj apto ap apt bl sl lj nº
            n.º no núm n tel cel p.ex ex obs aprox ref pág págs p fl fls art inc cap vol dep pe sto
            sta s ltd cx v.sa v.sª v.s.ª v.sas v.exa v.exª v.ex.ª v.exas n.sra n.srª exmos exmas
            ilmos ilmas revmo mons côn pr alm brig del des sen gov pres sec secr coord ger téc tec
            enf enfª farm msc m.sc esp res proc prot dec decr séc sécs aud hosp univ inst vl pq pque
            estr cond cj conjs bec mod tam qtd qtde venc pgto súm rel alín tít org trad caps fasc
            tlm telem tels c.p cód imob compr marq visc vde pref cmte emb lg bco""",
        "number": """no n nº pág p art km fl q qd lt gen maj jan fev mar abr mai jun jul ago set out
            nov dez seg ter qua qui sex sáb dom ag op alt larg comp temp pot val col esc vet fac ten
            port qtos and ens mal gal cons cid""",
        "end": """etc min seg hs hrs h kg un unid máx mín esq dir hab pess porç xíc grs lts mts mins
            unids pcts cxs dz fte r/c s/n sff s.f.f p.f p.p ss segs""",
        "name": """s.a ltda cia e.u.a eua a.c d.c s/a lda eireli unip m.e e.p.p s.p r.j d.f m.g dto
            cia.ltda""",
    },
    "fr": {
        "before": """m mm mme mmes mlle mlles me mgr dr pr st ste sts prof av bd boul bld pl imp rte
            chem n no tél téléph p.ex ex env cf c.-à-d c.à.d càd p pp vol chap art fig éd réf app
            apt bât esc ét resp not gén col cap dim ca appt all sq fg fbg rés résid imm chée dép dir
            adj secr prés pdt cdt cne adjt pharm vét méd hôp univ inst coll trad ill préf ibid
            loc.cit op.cit cass civ crim trib circ alin par.ex n.b b.p bte spéc cuis pkg ets éts vve
            gde féd synd assoc gal""",
        "number": """n no p art chap fig janv févr fév avr juil sept oct nov déc lun mar mer jeu ven
            sam al bur jan fasc""",
        "end": """etc min h sec max mn hab éd p.-s sté suiv sv ss s.v.p svp r.s.v.p rsvp pers sem
            arr cuil sach""",
        "name": """s.a.s s.a s.a.r.l av.j.-c apr.j.-c j.-c cie ltée enr s.c.i s.n.c e.u.r.l s.à.r.l
            é.-u é.u u.e apr.j.c av.j.c ap.j.-c""",
    },
    "it": {
        "before": """sig sigg sig.ra sig.na dott dott.ssa dottssa prof prof.ssa ing arch avv geom
            rag on egr gent spett gentmo preg ill mons card sen dir pres sr p.za v.le c.so v l.go n
            nr tel cell fax es p.es ad.es pag pagg cap art vol fig ca cfr c.a rif int gen sett gio
            sab sec s s.to st sta p.zza p.zale p.le p.tta pzza vle cso lgo c.da fraz loc prov osp
            dip univ fac cond res spett.le gent.ma gent.mo ill.mo ill.ma chiar.mo chiar.ma preg.mo
            egr.sig rev.do sigg.ri dott.ri dr.ssa proff avv.ti per.ind p.i comm cav cav.uff isp brig
            magg ss d.lgs d.l d.p.r d.m d.p.c.m t.u r.d l.r lett artt sez tit prot prat fatt c.f
            p.iva mitt dest ogg ns c.d cosid per.es ved ibid op.cit trad coll tav mod q.tà tg f.lli
            f.to p.ta s.e n.b circ bigl sac amm p.co lungot staz aerop segr vicepres amb trav
            col""",
        "number": """n nr pag art cap fig p int feb mar apr mag giu lug ago set ott nov dic lun mer
            ven dom mart merc giov bin lib temp pot pers sc all ist ord ten scaff ass coop soc fond
            pal uff cant str""",
        "end": """ecc etc min sec h kg max n.d.r seg segg gg cad q.b qb c.m u.s p.v gr hg lt mt mq
            cucch cp cpr cps gtt bust fl abit s.v.p p.c.c""",
        "name": """s.a.s s.p.a s.r.l s.n.c spa srl a.c d.c s.a.p.a s.c.r.l s.c.a.r.l s.r.l.s a.s.d
            c.le u.e""",
    },
    "ca": {
        "before": """sr sra dr dra prof av c pl pg núm tel p.ex ex aprox st sta srs dres profa il·lm
            il·lma excm excma hble mn fra rvd eng arq lic adv dept secr gral avda bda crta ctra ptge
            pge plta rbla rda trav urb pol ind pta esc entl pral núms nre tels mòb pàg pàgs p pp ap
            apt trad col·l lit tít secc ref vg ib op.cit p.e univ inst hosp assoc ajt""",
        "number": "dl dt dc dj dv ds dg gen febr feb abr jul ag set oct nov des hab col temp",
        "end": "etc min h seg segs ss pers màx mín c/u cda cullr dta esq",
        "name": "a.c d.c s.l.u s.c.c.l u.e ee.uu",
    },
    "tr": {
        "before": """sn dr prof doç yrd öğr gör av müh mim uzm op bkz örn mah cad sok sk bul blv no
            tel alb yzb st çev haz yay hz t.c k nr d bk yarg vet ecz arş müd başk bşk ünv üniv korg
            org tuğg bnb mh hd""",
        "number": "no s d k apt dk sa m.ö gen",
        "end": "v.s vb vs v.b vd dk sn sa yy krş m.ö i.ö kg v.d",
        "name": "ltd şti a.ş apt mah cad sok ort",
    },
    "az": {
        "before": "məs prof dr küç mən ş tel b.e təxm akad prosp səh",
        "number": "noyab",
        "end": "s və.b b və.s dəq b.k h.ə",
        "name": "man mln mlrd",
    },
    "kk": {
        "before": "к көш даңғ мкр мөл ауд обл қ пәт каб проф доц акад ғ.к т.ғ.д тел",
        "end": "т.б тг тең мин т.с.с т.т б.з.д б.з",
        "number": "қар",
        "name": "ж жж ғ ғғ ген мың млн млрд",
    },
    "id": {
        "before": """bpk bp sdr sdri yth jl jln gg dr drs dra drg prof ir h hj kh kab kec kel ds
            dsn rt rw no tlp telp hp hlm hal tgl a.n u.p d.a s.d d.h pt cv ttd mis sbb gd lt tn
            ny nn jend kol kapt sbg dgn yg
            ust mohd muhd md abd hjh sdn jln tmn lrg kpg bt bte maks min""",
        "number": "no hlm hal lt km rp pkl m.s",
        "end": "dll dsb dst dkk pg ptg tgh s.h s.e s.kom s.pd m.si m.m m.pd s.t sm m",
        "name": "tbk ltd bhd",
    },
    "vi": {
        "before": """t.s b.s tp tx tt q p h đ x ths ts pgs gs bs ks cn ls nxb vd tr đt sđt kts
            bks nv ubnd mr ms gđ tgđ cty""",
        "number": "tr q p đ",
        "end": "v.v vv sau.cn trước.cn tcn",
    },
    "tl": {
        "before": """g gng bb dr dra atty engr prof hal blg kgg sta sto ma brgy bgy blk
            subd rep gob kap""",
        "number": "ene peb abr hun hul ago set okt nob dis",
        "end": "atbp n.u n.h n.g",
    },
    "sw": {
        "before": "bw bi dkt mh mhe prof k.m s.l.p sh uk k.v ndg mt mch tar",
        "number": "uk na tsh ksh sh",
        "end": "n.k nk k.k b.k k.w",
    },
    "zu": {"before": "mnu nkk nksz dkt udkt nodkt kudkt slwz"},
    "sq": {
        "before": "z znj dr prof rr nr tel p.sh psh f.v",
        "end": "etj",
    },
    "af": {
        "before": """mnr mev mej dr prof bv nl ca tel st adv regt sers kapt genl bvb m.b.t m.b.v
            t.o.v i.p.v d.w.s dws o.a resp faks m.a.w vgl ong vlg""",
        "number": "bl art hfst nr",
        "end": "ens e.d m.a asb vm nm min sek ingesl uitgesl v.c n.c",
        "name": "edms bpk",
    },
    "hy": {
        "before": """փ պ պր ք տ դ դոկ պրոֆ հեռ տես օր ակ թ դար դր և.այլն այլն ն.ե պրն տկն հզ հազ մլն
            մլրդ հունվ փետր մարտ ապր հուն հուլ օգոստ սեպտ հոկտ նոյ դեկ կմ կգ գր մմ սմ ժ վ էջ պող փող
            բն մ.թ մ.թ.ա ակադ թարգմ""",
    },
    "ka": {
        "before": """ქ ქუჩ ბ-ნი ქ-ნი დოქ პროფ მაგ ე.ი ტელ გვ იხ ე.წ ნომ გამზ ბინ კორპ სართ ოთ შდრ
            აკად აღმ დას ჩრდ სამხ ჩიხ სოფ ახ ძვ დაახლ იანვ თებ მარტ აპრ ივნ ივლ აგვ სექტ ოქტ ნოემ
            დეკ ორშ სამშ ოთხშ ხუთშ პარ შაბ კვ გენ წმ რედ გამომც თარგმ აპლ მაქს მინ ავტ""",
        "end": "ა.შ და.ა.შ წ სთ წთ ათ გრ მლ მმ სმ კმ კგ მლნ მლრდ თვ სხვ და.სხვ წწ",
    },
    "he": {
        "before": "ד ר פרופ טל רח שד עמ מס כ",
        "end": "וכו",
    },
    "ar": {
        "before": "د أ م ت ص ص.ب أ.د د.م س ط ق",
        "end": "إلخ الخ ج.م ر.س د.إ ق.م ب.م ر.ق د.ك",
    },
    "fa": {
        "before": "ص ت ج",
        "end": "ق.م ه.ش ه.ق ب.م ه ش",
    },
    "hi": {
        "before": """डॉ डा श्री श्रीमती सुश्री प्रो पं कु मो रु रू सं क्र नं पृ कि.मी ई.पू ले कै
            स्व मि चि सौ ॲड अ‍ॅड एड इं अक्टू अक्तू
            नवं दिसं सितं फ़र अप्रै जाने फेब्रु सप्टें ऑक्टो नोव्हें डिसें एफ एच एल एम एन आर एस एक्स डब्ल्यू""",
        "end": "इ वगै",
    },
    "bn": {
        "before": """ডা ডঃ ড মো মোঃ মি মিসেস অধ্যা প্রফে নং রু টা কি.মি পৃ ইং খ্রি লি জানু
            ফেব্রু সেপ্টে অক্টো নভে ডিসে এফ এইচ এল এম এন
            আর এস এক্স ডব্লিউ""",
        "end": "ইত্যা",
    },
    "ta": {
        "before": """திரு திருமதி டாக்டர் முனைவர் பேரா ரூ எண் கி.மீ எ.கா தொ.பே கி.பி கி.மு மு.ப
            பி.ப செல்வி பக் பிப் செப் அக்
            டிச எஃப் எச் ஹெச் எல் எம் என் ஆர் எஸ் எக்ஸ்""",
        "end": "முத",
    },
    "te": {
        "before": """డా డాక్టర్ శ్రీ శ్రీమతి ప్రొ రూ నం కి.మీ ఉ సా క్రీ.శ క్రీ.పూ మి ఫిబ్ర సెప్టెం
            అక్టో నవం డిసెం ఎఫ్ హెచ్ ఎల్ ఎమ్ ఎన్ ఆర్
            ఎస్ ఎక్స్ డబ్ల్యూ""",
        "end": "మొ",
    },
    "kn": {
        "before": """ಡಾ ಶ್ರೀ ಶ್ರೀಮತಿ ಪ್ರೊ ರೂ ನಂ ಕಿ.ಮೀ ಉದಾ ಫೆಬ್ರು ಸೆಪ್ಟೆಂ ಅಕ್ಟೋ ನವೆಂ
            ಡಿಸೆಂ ಎಫ್ ಎಚ್ ಹೆಚ್ ಎಲ್ ಎಮ್ ಎನ್ ಆರ್ ಎಸ್ ಎಕ್ಸ್
            ಡಬ್ಲ್ಯೂ""",
        "end": "ಇತ್ಯಾ",
    },
    "ml": {
        "before": """ഡോ ശ്രീ ശ്രീമതി പ്രൊ രൂ നം കി.മീ ഉദാ ഫെബ്രു സെപ്റ്റം ഒക്ടോ നവം
            ഡിസം എഫ് എച്ച് എൽ എൻ ആർ എസ് എക്സ്
            ഡബ്ല്യു""",
        "end": "മുത",
    },
    "gu": {
        "before": """ડૉ ડો શ્રી શ્રીમતી પ્રો રૂ રુ નં કિ.મી ઉદા દા.ત જાન્યુ ફેબ્રુ
            સપ્ટે ઓક્ટો નવે ડિસે એફ એચ એલ એમ એન આર એસ એક્સ
            ડબ્લ્યુ""",
        "end": "વગે",
    },
    "pa": {
        "before": """ਡਾ ਸ ਸ੍ਰੀ ਸ਼੍ਰੀ ਪ੍ਰੋ ਰੁ ਨੰ ਕਿ.ਮੀ ਅਕਤੂ ਨਵੰ ਦਸੰ
            ਐਫ ਐਫ਼ ਐਚ ਐੱਚ ਐਲ ਐੱਲ ਐਮ ਐੱਮ ਐਨ ਐੱਨ ਆਰ ਐਸ
            ਐੱਸ""",
    },
    "si": {
        "before": "ආචාර්ය මහාචාර්ය රු අංක කි.මී ගරු පූජ්‍ය",
        "end": "පෙ.ව ප.ව",
    },
    "am": {
        "before": "ዶ.ር ፕሮፌ ብ ቁ ስ.ቁ",
        "end": "ዓ.ም ዓ.ዓ ወዘተ እ.ኤ.አ",
    },
}

_WORDS: dict[str, dict[str, Kind]] = {}
for _tag, _kinds in _TABLE.items():
    _listed: dict[str, Kind] = {}
    for _kind, _words in _kinds.items():
        for _word in _words.split():
            _listed.setdefault(_word, _kind)  # the first list counts
    for _word, _kind in _listed.items():
        _kinds_of_word = _WORDS.setdefault(_word, {})
        if _kinds_of_word.get("") != _kind:  # else it says nothing new
            _kinds_of_word[_tag] = _kind

# From what asks most of the text after it to what asks least.
_CAREFUL: tuple[Kind, ...] = ("before", "name", "end", "number")


# The first halves of abbreviations in two parts, and how long their second ones are at most.
_FIRST_PARTS: dict[str, int] = {}
for _word in _WORDS:
    _first, _, _second = _word.rpartition(".")
    if _first:
        _FIRST_PARTS[_first] = max(len(_second), _FIRST_PARTS.get(_first, 0))


def is_abbreviated(word: str) -> bool:
    """Whether a word in small letters is an abbreviation in any language, or its first part."""
    return word in _WORDS or word in _FIRST_PARTS


def second_part(first: str) -> int:
    """How many letters the second half of an abbreviation like "v. Chr." has at most after a first
    one; 0 when it opens none."""
    return _FIRST_PARTS.get(first.lower(), 0)


def is_two_part(first: str, second: str) -> bool:
    """Whether two words, each with a stop, make one abbreviation: "v. Chr.", "EE. UU."."""
    return f"{first}.{second}".lower() in _WORDS


def is_everywhere(word: str) -> bool:
    """Whether a word is an abbreviation in every language, and no small word in any."""
    return "" in _WORDS.get(word.lower(), ()) and not is_small(word)


def kind_of(word: str, context: str) -> Kind | None:
    """What kind of abbreviation a word before a full stop is; ``None`` when it is a plain word.

    Args:
        word: As written, without the stop; inner stops stay, inner spaces do not.
        context: The text before the word, to tell languages apart when they disagree.
    """
    kinds: Mapping[str, Kind] | None = _WORDS.get(word.lower())
    if kinds is None:
        return None
    unsure = context and (len(kinds) > 1 or "" not in kinds or is_small(word))
    language = guess(context) if unsure else ""
    if language and is_small(word, language):
        return "number"  # a word of its own as well
    if language in kinds:
        return kinds[language]
    if "" in kinds:
        return kinds[""]
    if language:
        return None
    return next(kind for kind in _CAREFUL if kind in kinds.values())
