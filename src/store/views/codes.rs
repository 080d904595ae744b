//! The codes of which a language's tag is made (BCP 47): as the standards list them, in lower case.
//!
//! The two letters of countries are those of `iso3166.tab` of the time zone database as well; a test of the view
//! `hreflang` has some of each.

/// Languages: ISO 639-1, and of the others, which have three letters, those of ISO 639-2 and some that
/// systems have texts in.
pub(super) const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el \
    en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu \
    ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na \
    nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so \
    sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu ace \
    ach ada ady afa afh agq ain akk ale alg alt ang anp apa arc arn arp art arw asa ast ath aus awa bad bai bal ban \
    bas bat bej bem ber bez bho bik bin bla bnt bra brx btk bua bug byn cad cai car cau ccp ceb cel cgg chb chg chk \
    chm chn cho chp chr chy ckb cmc cmn cnr cop cpe cpf cpp crh crp csb cus dak dar dav day del den dgr din dje doi \
    dra dsb dua dum dyo dyu ebu efi egy eka elx enm ewo fan fat fil fiu fon frm fro frr frs fur gaa gay gba gem gez \
    gil gmh goh gon gor got grb grc gsw guz gwi hai haw hil him hit hmn hsb hup iba ijo ilo inc ine inh ira iro jbo \
    jgo jmc jpr jrb kaa kab kac kam kar kaw kbd kde kea kha khi kho khq kkj kln kmb kok kos kpe krc krl kro kru ksb \
    ksf ksh kum kut lad lag lah lam lez lkt lol loz lrc lua lui lun luo lus luy mad mag mai mak man map mas mdf mdr \
    men mer mfe mga mgh mgo mic min mkh mnc mni mno moh mos mua mun mus mwl mwr myn myv mzn nah nai nap naq nds new \
    nia nic niu nmg nnh nog non nqo nso nub nus nwc nym nyn nyo nzi osa ota oto paa pag pal pam pap pau pcm peo phi \
    phn pon pra pro raj rap rar roa rof rom rup rwk sad sah sai sal sam saq sas sat sbp scn sco seh sel sem ses sga \
    sgn shi shn sid sio sit sla sma smi smj smn sms snk sog son srn srr ssa suk sus sux syc syr tai tem teo ter tet \
    tig tiv tkl tlh tli tmh tog tpi tsi tum tup tut tvl twq tyv tzm udm uga umb vai vot vun wae wak wal war was wen \
    xal xog yao yap yav ypk yue zap zbl zen zgh znd zun zza";

/// Scripts: ISO 15924.
pub(super) const SCRIPTS: &str = "adlm afak aghb ahom arab aran armi armn avst bali bamu bass batk beng bhks blis bopo brah brai bugi buhd cakm \
    cans cari cham cher cirt copt cprt cyrl cyrs deva dsrt dupl egyd egyh egyp elba ethi geok geor glag goth gran \
    grek gujr guru hanb hang hani hano hans hant hatr hebr hira hluw hmng hrkt hung inds ital jamo java jpan jurc \
    kali kana khar khmr khoj kitl kits knda kore kpel kthi lana laoo latf latg latn leke lepc limb lina linb lisu \
    loma lyci lydi mahj mand mani marc maya mend merc mero mlym modi mong moon mroo mtei mult mymr narb nbat newa \
    nkgb nkoo nshu ogam olck orkh orya osge osma palm pauc perm phag phli phlp phlv phnx piqd plrd prti qaaa qabx \
    rjng roro runr samr sara sarb saur sgnw shaw shrd sidd sind sinh sora sund sylo syrc syre syrj syrn tagb takr \
    tale talu taml tang tavt telu teng tfng tglg thaa thai tibt tirh ugar vaii visp wara wole xpeo xsux yiii zinh \
    zmth zsye zsym zxxx zyyy zzzz";

/// Countries: ISO 3166-1.
pub(super) const REGIONS: &str = "ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq br bs bt bv bw by bz \
    ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg eh er es et fi fj fk fm fo \
    fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je \
    jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mf mg mh mk ml mm mn mo \
    mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw \
    py qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st sv sx sy sz tc td tf tg th tj tk tl tm \
    tn to tr tt tv tw tz ua ug um us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw";
